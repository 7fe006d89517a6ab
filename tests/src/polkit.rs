//! A real polkitd for one instance: on a bus of its own, with this project's actions and a test's rules.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::instance::Instance;
use crate::keeper::End;
use crate::users::can_be_others;
use crate::{not_run, project};

/// Where distributions have the program.
const PROGRAMS: [&str; 2] = ["/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd"];

/// A bus that everybody may use and own names on. polkitd is started by the first call to it.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=@BUS@</listen>
  <pidfile>@PID@</pidfile>
  <auth>EXTERNAL</auth>
  <servicedir>@SERVICES@</servicedir>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
  </policy>
</busconfig>
"#;

impl Instance {
    /// Starts a bus on which polkitd answers with these rules (polkit(8)), and has daemons that are started from now on
    /// use it. `None`, with word of it, if that is not possible here.
    pub fn start_polkitd(&mut self, test: &str, rules: &str) -> Option<()> {
        let program = PROGRAMS.into_iter().find(|program| Path::new(program).exists());
        let Some(program) = program.filter(|_| Path::new("/usr/bin/dbus-daemon").exists()) else {
            not_run(test, "polkitd or dbus-daemon is not installed");
            return None;
        };
        if !can_be_others(test) {
            return None;
        }
        self.set_polkit_rules(rules);
        fs::create_dir_all(self.polkit_dir("services")).unwrap();
        let service =
            format!("[D-BUS Service]\nName=org.freedesktop.PolicyKit1\nExec={program} --no-debug\n");
        fs::write(self.polkit_dir("services/org.freedesktop.PolicyKit1.service"), service).unwrap();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let conf = BUS
            .replace("@BUS@", &text(self.polkit_dir("bus")))
            .replace("@PID@", &text(self.polkit_dir("pid")))
            .replace("@SERVICES@", &text(self.polkit_dir("services")));
        fs::write(self.polkit_dir("bus.conf"), conf).unwrap();
        let address = format!("unix:path={}", text(self.polkit_dir("bus")));
        let script = format!(
            "mount -n --bind {rules} /etc/polkit-1/rules.d && mount -n -t tmpfs none /usr/share/polkit-1/rules.d && \
             chmod 755 /usr/share/polkit-1/rules.d && \
             mount -n --bind {actions} /usr/share/polkit-1/actions && \
             DBUS_SYSTEM_BUS_ADDRESS={address} exec dbus-daemon --fork --config-file={conf}",
            rules = text(self.polkit_dir("rules")),
            actions = text(self.polkit_dir("actions")),
            conf = text(self.polkit_dir("bus.conf")),
        );
        let words = ["--mount", "--propagation", "private", "sh", "-c", &script].map(str::to_owned);
        let pid = self.keep(Path::new("/usr/bin/unshare"), &words);
        assert_eq!(self.keeper.wait(pid), End::Code(0), "the bus does not start: {}", self.log());
        self.set_env("DBUS_SYSTEM_BUS_ADDRESS", &address);
        Some(())
    }

    /// Puts these rules in the place of the former ones. A polkitd that runs notices at some time only: for before its
    /// start.
    fn set_polkit_rules(&self, rules: &str) {
        for folder in ["", "rules", "actions"] {
            let folder = self.polkit_dir(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let from = project().join("systemd/polkit");
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            if entry.path().extension().is_some_and(|extension| extension == "policy") {
                fs::copy(entry.path(), self.polkit_dir("actions").join(entry.file_name())).unwrap();
            }
        }
        fs::write(self.polkit_dir("rules/10-test.rules"), rules).unwrap();
    }

    fn polkit_dir(&self, name: &str) -> PathBuf {
        self.root().join("polkit").join(name)
    }
}
