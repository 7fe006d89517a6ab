//! Memory and vcpus of a domain, as far as they are questions.

use protocol::consts::{DomainModificationImpact as Affect, DomainVcpuFlags};
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::domain::View;
use crate::driver::{check_flags, exclusive_flags};
use crate::service::Virtqemud;

impl DomainCompute<Call> for Virtqemud {
    async fn domain_get_max_memory(
        &self,
        _call: &Call,
        args: DomainGetMaxMemoryArgs,
    ) -> Result<DomainGetMaxMemoryRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        Ok(DomainGetMaxMemoryRet { memory: view.definition()?.memory.total_kib })
    }

    async fn domain_get_max_vcpus(
        &self,
        _call: &Call,
        args: DomainGetMaxVcpusArgs,
    ) -> Result<DomainGetMaxVcpusRet, Fault> {
        // The reference asks the running guest only.
        let view = self.driver.view(&args.dom)?;
        Ok(DomainGetMaxVcpusRet { num: count(view.active()?.definition.vcpus.max) })
    }

    async fn domain_get_vcpus_flags(
        &self,
        _call: &Call,
        args: DomainGetVcpusFlagsArgs,
    ) -> Result<DomainGetVcpusFlagsRet, Fault> {
        let known = DomainVcpuFlags::LIVE
            | DomainVcpuFlags::CONFIG
            | DomainVcpuFlags::MAXIMUM
            | DomainVcpuFlags::GUEST;
        let flags = check_flags("virDomainGetVcpusFlags", args.flags, known)?;
        let view = self.driver.view(&args.dom)?;
        if flags.contains(DomainVcpuFlags::GUEST) {
            return Err(guest_vcpus(&view));
        }
        let definition = affected(&view, Affect::from_bits_truncate(flags.bits()))?;
        let maximum = flags.contains(DomainVcpuFlags::MAXIMUM);
        let num = if maximum { definition.vcpus.max } else { definition.vcpus.current };
        Ok(DomainGetVcpusFlagsRet { num: count(num) })
    }
}

/// Why the guest agent, which is not spoken to yet, does not count the vcpus.
fn guest_vcpus(view: &View) -> Fault {
    if view.live.is_none() {
        let detail = "the guest agent counts the vCPUs of running domains only";
        return Fault::invalid_arg(ErrorDomain::QEMU, detail);
    }
    let detail = "QEMU guest agent is not configured";
    Fault::new(ErrorDomain::QEMU, ErrorCode::ARGUMENT_UNSUPPORTED, detail)
}

/// The definition that the flags mean: the running guest's, the next start's, or with neither the one that
/// counts now.
pub(super) fn affected(view: &View, flags: Affect) -> Result<&model::domain::Domain, Fault> {
    exclusive_flags(flags, Affect::LIVE, Affect::CONFIG)?;
    if flags.contains(Affect::LIVE) {
        return Ok(&view.active()?.definition);
    }
    if flags.contains(Affect::CONFIG) {
        let none = || {
            let detail = "transient domains do not have any persistent config";
            Fault::new(ErrorDomain::DOMAIN, ErrorCode::OPERATION_INVALID, detail)
        };
        return view.persistent.as_deref().ok_or_else(none);
    }
    view.definition().map(|definition| &**definition)
}

fn count(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
