//! The qemu program: commands straight to QEMU's monitor, and its events as they are.

use std::os::fd::OwnedFd;

use ::driver::events::Choice;
use ::driver::jobs::Job;
use protocol::consts::{
    ConnectDomainQemuMonitorEventRegisterFlags as Match, DomainQemuMonitorCommandFlags as Form,
};
use protocol::qemu::*;
use protocol::remote::NonnullDomain;
use protocol::{ErrorDomain, Fault};
use regex::bytes::RegexBuilder;
use rpc::Call;

use crate::domain::taint::Taint;
use crate::driver::{check_flags, no_flags};
use crate::notify::monitor_topic;
use crate::process::control::active_monitor;
use crate::process::taint;
use crate::service::Virtqemud;

/// The most memory that a compiled pattern of a client may take.
const PATTERN_LIMIT: usize = 256 << 10;

impl Qemu<Call> for Virtqemud {
    async fn domain_monitor_command(
        &self,
        _call: &Call,
        args: DomainMonitorCommandArgs,
    ) -> Result<DomainMonitorCommandRet, Fault> {
        let form = check_flags("virDomainQemuMonitorCommand", args.flags, Form::HMP)?;
        let result = self.command(&args.dom, &args.cmd, form, Vec::new()).await?;
        Ok(DomainMonitorCommandRet { result })
    }

    async fn domain_monitor_command_with_files(
        &self,
        call: &Call,
        args: DomainMonitorCommandWithFilesArgs,
    ) -> Result<DomainMonitorCommandWithFilesRet, Fault> {
        let form = check_flags("virDomainQemuMonitorCommandWithFiles", args.flags, Form::HMP)?;
        let fds = call.take_fds();
        if fds.len() > 1 {
            let detail = "at most 1 fd can be passed to qemu along with a command";
            return Err(Fault::invalid_arg(ErrorDomain::QEMU, detail));
        }
        let result = self.command(&args.dom, &args.cmd, form, fds).await?;
        Ok(DomainMonitorCommandWithFilesRet { result })
    }

    async fn connect_domain_monitor_event_register(
        &self,
        call: &Call,
        args: ConnectDomainMonitorEventRegisterArgs,
    ) -> Result<ConnectDomainMonitorEventRegisterRet, Fault> {
        let flags = check_flags("virConnectDomainQemuMonitorEventRegister", args.flags, Match::all())?;
        let object = match &args.dom {
            Some(named) => Some(self.driver.domain(named)?.uuid()),
            None => None,
        };
        let (events, listener) = (&self.driver.events, &self.driver.access.listener(call));
        let id = match args.event {
            Some(event) => events.subscribe_chosen(listener, monitor_topic(), object, choice(&event, flags)?),
            None => events.subscribe(listener, monitor_topic(), object),
        };
        let id = id.map_err(::driver::fault::event(ErrorDomain::QEMU))?;
        Ok(ConnectDomainMonitorEventRegisterRet { callbackID: id })
    }

    async fn connect_domain_monitor_event_deregister(
        &self,
        call: &Call,
        args: ConnectDomainMonitorEventDeregisterArgs,
    ) -> Result<(), Fault> {
        let (session, kind) = (call.session().id(), monitor_topic().kind);
        let ended = self.driver.events.unsubscribe(session, kind, args.callbackID);
        ended.map_err(::driver::fault::event(ErrorDomain::QEMU))
    }

    async fn domain_attach(&self, _call: &Call, args: DomainAttachArgs) -> Result<DomainAttachRet, Fault> {
        no_flags("virDomainQemuAttach", args.flags)?;
        Err(Fault::unsupported(ErrorDomain::NONE, "virDomainQemuAttach"))
    }
}

impl Virtqemud {
    async fn command(
        &self,
        dom: &NonnullDomain,
        command: &str,
        form: Form,
        fds: Vec<OwnedFd>,
    ) -> Result<String, Fault> {
        let domain = self.driver.domain(dom)?;
        let _job = domain.begin(Job::Modify, "virDomainQemuMonitorCommand").await?;
        let monitor = active_monitor(&domain)?;
        taint::add(&self.driver, &domain, Taint::CustomMonitor).await;
        if form.contains(Form::HMP) {
            if !fds.is_empty() {
                let detail = "descriptors go with commands in JSON only";
                return Err(Fault::invalid_arg(ErrorDomain::QEMU, detail));
            }
            return monitor.human(command).await.map_err(Fault::from);
        }
        monitor.raw(command, fds).await.map_err(Fault::from)
    }
}

/// Which names of events a client means: exactly this one, or those in which the pattern is found.
fn choice(wanted: &str, flags: Match) -> Result<Choice, Fault> {
    let nocase = flags.contains(Match::NOCASE);
    if flags.contains(Match::REGEX) {
        let mut pattern = RegexBuilder::new(wanted);
        pattern.unicode(false).case_insensitive(nocase).size_limit(PATTERN_LIMIT);
        let pattern = pattern.build();
        let pattern = pattern.map_err(|error| {
            let detail = format!("'{wanted}' is not a regular expression: {error}");
            Fault::invalid_arg(ErrorDomain::QEMU, detail)
        })?;
        return Ok(Box::new(move |name| pattern.is_match(name.as_bytes())));
    }
    let wanted = wanted.to_owned();
    Ok(match nocase {
        true => Box::new(move |name| name.eq_ignore_ascii_case(&wanted)),
        false => Box::new(move |name| name == wanted),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_events() {
        let chosen = |wanted: &str, flags: Match| {
            let choice = choice(wanted, flags).unwrap();
            ["STOP", "RESUME", "stop", "RTC_STOPPED"]
                .into_iter()
                .filter(|name| choice(name))
                .collect::<Vec<_>>()
        };
        assert_eq!(chosen("STOP", Match::empty()), ["STOP"]);
        assert_eq!(chosen("stop", Match::NOCASE), ["STOP", "stop"]);
        assert_eq!(chosen("STOP", Match::REGEX), ["STOP", "RTC_STOPPED"]);
        assert_eq!(chosen("^(st|res)", Match::REGEX | Match::NOCASE), ["STOP", "RESUME", "stop"]);
        assert_eq!(chosen("S.*", Match::empty()), [""; 0]);
        for bad in ["(", "a{1000}{1000}{1000}"] {
            assert_eq!(choice(bad, Match::REGEX).err().unwrap().code, protocol::ErrorCode::INVALID_ARG);
        }
    }
}
