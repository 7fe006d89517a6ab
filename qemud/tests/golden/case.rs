//! One recorded case: what goes in and what the reference answered.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::domain::device::Device;
use model::domain::device::graphics::GraphicsKind;
use model::domain::os::Arch;
use model::domain::{Domain, FormatOptions, ParseOptions};
use qemud::capabilities::{Processor, QemuCaps};
use qemud::command::firmware::Firmware;
use qemud::command::{Dirs, Mode, PlanOptions, native_line, native_prepare, plan, prepare};
use qemud::defaults::{DefaultsError, HostFacts, Tsc, complete, resolve_emulator};
use qemud::device::disk::chain::{Head, detect};

use crate::{tree, words};

/// The recorded machine.
pub(crate) struct World {
    caps: Vec<QemuCaps>,
    host: HostFacts,
    processor: Option<Arc<Processor>>,
}

/// A folder with `in.xml` and answers.
pub(crate) struct Case {
    /// Its name.
    pub(crate) name: String,
    dir: PathBuf,
}

/// How one answer compares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// As the reference.
    Same,
    /// The same options in another order.
    Reordered,
    /// What differs.
    Different(Vec<String>),
}

impl World {
    /// Capabilities recorded from QEMU 7.2, firmware of Debian 12, default configuration.
    pub(crate) fn recorded() -> World {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let caps = |file: &str| serde_json::from_str(&read(&data.join(file))).expect("recorded capabilities");
        let firmware: Vec<Firmware> =
            serde_json::from_str(&read(&data.join("firmware.json"))).expect("firmware");
        World {
            caps: vec![caps("caps_7.2.json"), caps("caps_7.2_i686.json")],
            host: HostFacts {
                arch: "x86_64".to_owned(),
                firmware,
                numa_nodes: vec![0],
                tsc: Some(Tsc { hz: 2_596_096_000, scaling: false }),
                ..HostFacts::default()
            },
            processor: None,
        }
    }

    /// The recorded machine with the processor of this one, for a corpus that was recorded here.
    pub(crate) fn recorded_here() -> World {
        World { processor: Processor::read().map(Arc::new), ..World::recorded() }
    }

    fn completed(&self, text: &str) -> Result<(Domain, &QemuCaps), DefaultsError> {
        let mut domain = Domain::parse_str(text, &ParseOptions::default())?;
        resolve_emulator(&mut domain, Arch::X86_64, |arch| {
            self.caps.iter().find(|caps| caps.arch == arch.to_string()).map(|caps| caps.binary.clone())
        })?;
        let emulator = domain.emulator.clone().unwrap_or_default();
        let caps = self.caps.iter().find(|caps| caps.binary == emulator);
        let caps = caps.ok_or_else(|| DefaultsError::Missing {
            part: qemud::defaults::Part::Qemu,
            detail: format!("Cannot check QEMU binary {emulator}"),
        })?;
        complete(&mut domain, caps, &self.host)?;
        Ok((domain, caps))
    }

    /// The line that domxml-to-native shows.
    pub(crate) fn line(&self, text: &str) -> Result<String, DefaultsError> {
        let (mut domain, caps) = self.completed(text)?;
        let native = PlanOptions::native(Dirs::system(), "/usr/bin".to_owned(), 1_700_000_000, 0);
        let options = PlanOptions { processor: self.processor.clone(), ..native };
        native_prepare(&mut domain, caps, &self.host, &options)?;
        plan(&domain, caps, &self.host, &options).map(|plan| native_line(&plan))
    }

    /// The words of a real start, with the ports that are free on a machine without guests.
    pub(crate) fn started(&self, text: &str) -> Result<Vec<String>, DefaultsError> {
        let (mut domain, caps) = self.completed(text)?;
        let native = PlanOptions::native(Dirs::system(), "/usr/bin".to_owned(), 1_700_000_000, 0);
        let options = PlanOptions { mode: Mode::Start, id: 1, processor: self.processor.clone(), ..native };
        detect(&mut domain, &read_head)?;
        prepare(&mut domain, caps, &self.host, &options)?;
        let mut next = 5900;
        for device in &mut domain.devices {
            let Device::Graphics(graphics) = device else { continue };
            match &mut graphics.kind {
                GraphicsKind::Vnc(vnc) if vnc.autoport || vnc.port.is_none_or(|port| port == -1) => {
                    vnc.port = Some(next);
                    next += 1;
                    vnc.websocket = vnc.websocket.map(|port| if port == -1 { 5700 } else { port });
                }
                GraphicsKind::Spice(spice) if spice.autoport || spice.port == Some(-1) => {
                    spice.port = Some(next);
                    next += 1;
                }
                _ => {}
            }
        }
        plan(&domain, caps, &self.host, &options).map(|plan| plan.argv)
    }
}

impl Case {
    /// All cases of a directory, by name.
    pub(crate) fn all(dir: &Path) -> Vec<Case> {
        let mut cases: Vec<Case> = fs::read_dir(dir)
            .expect("directory of cases")
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("in.xml").is_file())
            .map(|entry| Case { name: entry.file_name().to_string_lossy().into_owned(), dir: entry.path() })
            .collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    }

    fn file(&self, name: &str) -> Option<String> {
        fs::read(self.dir.join(name)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The document.
    pub(crate) fn input(&self) -> String {
        self.file("in.xml").unwrap_or_default()
    }

    /// Compares the definition; none if there is no answer.
    pub(crate) fn definition(&self, world: &World) -> Option<Outcome> {
        let got = world.completed(&self.input()).map(|(domain, _)| inactive(&domain));
        match (self.file("out.xml"), self.file("error.json")) {
            (Some(expected), _) => Some(match got {
                Ok(text) => same(tree::diff(&expected, &text)),
                Err(error) => Outcome::Different(vec![refused(&error)]),
            }),
            (None, Some(expected)) => Some(compare_error(&expected, got)),
            (None, None) => None,
        }
    }

    /// Compares the command line; none if there is no answer.
    pub(crate) fn line(&self, world: &World) -> Option<Outcome> {
        let got = world.line(&self.input());
        match (self.file("argv"), self.file("argv.error.json")) {
            (Some(expected), _) => Some(match got {
                Ok(line) => {
                    let expected = words::pairs(&words::split(&expected));
                    let got = words::pairs(&words::split(&line));
                    match same(words::diff(&expected, &got)) {
                        Outcome::Same if expected != got => Outcome::Reordered,
                        other => other,
                    }
                }
                Err(error) => Outcome::Different(vec![refused(&error)]),
            }),
            (None, Some(expected)) => Some(compare_error(&expected, got)),
            (None, None) => None,
        }
    }

    /// Compares the words that a real start passes; none if the reference started nothing.
    pub(crate) fn start(&self, world: &World) -> Option<Outcome> {
        let expected: Vec<String> = serde_json::from_str(&self.file("argv.json")?).expect("argv.json");
        Some(match world.started(&self.input()) {
            Ok(words) => {
                let (expected, got) = (words::pairs(&expected), words::pairs(&words));
                match same(words::diff(&expected, &got)) {
                    Outcome::Same if expected != got => Outcome::Reordered,
                    other => other,
                }
            }
            Err(error) => Outcome::Different(vec![refused(&error)]),
        })
    }

    /// Rewrites the answers with ours, for a review of the change.
    pub(crate) fn renew(&self, world: &World) {
        if let Ok((domain, _)) = world.completed(&self.input()) {
            fs::write(self.dir.join("out.xml"), inactive(&domain)).expect("out.xml");
        }
        if let Ok(line) = world.line(&self.input()) {
            fs::write(self.dir.join("argv"), line).expect("argv");
        }
    }
}

/// The images of the machine on which starts were recorded.
fn read_head(path: &str) -> std::io::Result<Head> {
    let below = [
        ("/srv/corpus/ov.qcow2", "base2.qcow2", "qcow2"),
        ("/srv/corpus/t3.qcow2", "m3.qcow2", "qcow2"),
        ("/srv/corpus/m3.qcow2", "b3.raw", "raw"),
    ];
    let below = below.iter().find(|(image, _, _)| *image == path).map(|(_, name, format)| (*name, *format));
    let bytes = if path.ends_with(".qcow2") { qcow2_head(below) } else { Vec::new() };
    Ok(Head { bytes, block: false })
}

/// Header of a qcow2 image, version 3.
fn qcow2_head(below: Option<(&str, &str)>) -> Vec<u8> {
    let mut head = vec![0; 104];
    head[..4].copy_from_slice(b"QFI\xfb");
    head[7] = 3;
    head[103] = 104;
    if let Some((name, format)) = below {
        head.extend(0xe279_2acau32.to_be_bytes());
        head.extend((format.len() as u32).to_be_bytes());
        head.extend(format.bytes());
        head.resize(head.len().next_multiple_of(8) + 8, 0);
        let at = head.len() as u64;
        head[8..16].copy_from_slice(&at.to_be_bytes());
        head[16..20].copy_from_slice(&(name.len() as u32).to_be_bytes());
        head.extend(name.bytes());
    }
    head
}

fn inactive(domain: &Domain) -> String {
    domain.format(&FormatOptions { inactive: true, ..FormatOptions::default() })
}

fn refused(error: &DefaultsError) -> String {
    let (code, domain) = error.numbers();
    format!("+error {code} {domain} {error}")
}

fn same(lines: Vec<String>) -> Outcome {
    if lines.is_empty() { Outcome::Same } else { Outcome::Different(lines) }
}

fn compare_error(expected: &str, got: Result<String, DefaultsError>) -> Outcome {
    let expected: serde_json::Value = serde_json::from_str(expected).expect("error.json");
    let code = expected["code"].as_i64().unwrap_or(-1);
    let wanted = format!("-error {code} {} {}", expected["domain"], expected["message"]);
    match got {
        Ok(_) => Outcome::Different(vec![wanted]),
        Err(error) if i64::from(error.numbers().0) == code => Outcome::Same,
        Err(error) => Outcome::Different(vec![wanted, refused(&error)]),
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
