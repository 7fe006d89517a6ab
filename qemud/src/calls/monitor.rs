//! The qemu program: commands straight to QEMU's monitor.

use ::driver::jobs::Job;
use protocol::Fault;
use protocol::consts::DomainQemuMonitorCommandFlags as Form;
use protocol::qemu::{DomainMonitorCommandArgs, DomainMonitorCommandRet, Qemu};
use rpc::Call;

use crate::domain::taint::Taint;
use crate::driver::check_flags;
use crate::process::control::active_monitor;
use crate::process::taint;
use crate::service::Virtqemud;

impl Qemu<Call> for Virtqemud {
    async fn domain_monitor_command(
        &self,
        _call: &Call,
        args: DomainMonitorCommandArgs,
    ) -> Result<DomainMonitorCommandRet, Fault> {
        let form = check_flags("virDomainQemuMonitorCommand", args.flags, Form::HMP)?;
        let domain = self.driver.domain(&args.dom)?;
        let _job = domain.begin(Job::Modify, "virDomainQemuMonitorCommand").await?;
        let monitor = active_monitor(&domain)?;
        taint::add(&self.driver, &domain, Taint::CustomMonitor).await;
        let result = if form.contains(Form::HMP) {
            monitor.human(&args.cmd).await
        } else {
            monitor.raw(&args.cmd).await
        };
        result.map(|result| DomainMonitorCommandRet { result }).map_err(Fault::from)
    }
}
