//! What only programs inside the guest, or the network's leases, know of it.

use protocol::consts::DomainGetHostnameFlags as Source;
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::driver::{check_flags, exclusive_flags};
use crate::guest::agent;
use crate::service::Virtqemud;

impl DomainAgent<Call> for Virtqemud {
    async fn domain_get_hostname(
        &self,
        _call: &Call,
        args: DomainGetHostnameArgs,
    ) -> Result<DomainGetHostnameRet, Fault> {
        let flags = check_flags("virDomainGetHostname", args.flags, Source::all())?;
        exclusive_flags(flags, Source::LEASE, Source::AGENT)?;
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        if flags.contains(Source::LEASE) {
            // No guest can be on a network of networkd's yet, and only these have leases.
            let detail = format!("no hostname found for domain {}", live.definition.name);
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::NO_HOSTNAME, detail));
        }
        Err(agent::unavailable(&view))
    }
}
