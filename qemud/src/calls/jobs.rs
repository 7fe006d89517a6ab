//! Questions about a domain's long job.

use protocol::consts::{DomainGetJobStatsFlags as Flags, FlagSet, domain_job_operation, domain_job_type};
use protocol::remote::*;
use protocol::{ErrorDomain, Fault};
use rpc::Call;

use ::driver::jobs::LongJob;

use crate::driver::check_flags;
use crate::service::Virtqemud;

impl DomainMigration<Call> for Virtqemud {
    async fn domain_get_job_info(
        &self,
        _call: &Call,
        args: DomainGetJobInfoArgs,
    ) -> Result<DomainGetJobInfoRet, Fault> {
        let (kind, elapsed) = match self.long_job(&args.dom)? {
            Some((_, elapsed)) => (domain_job_type::UNBOUNDED, elapsed),
            None => (domain_job_type::NONE, 0),
        };
        Ok(DomainGetJobInfoRet {
            r#type: kind,
            timeElapsed: elapsed,
            timeRemaining: 0,
            dataTotal: 0,
            dataProcessed: 0,
            dataRemaining: 0,
            memTotal: 0,
            memProcessed: 0,
            memRemaining: 0,
            fileTotal: 0,
            fileProcessed: 0,
            fileRemaining: 0,
        })
    }

    async fn domain_get_job_stats(
        &self,
        _call: &Call,
        args: DomainGetJobStatsArgs,
    ) -> Result<DomainGetJobStatsRet, Fault> {
        let flags = check_flags("virDomainGetJobStats", args.flags, Flags::all())?;
        if flags == Flags::KEEP_COMPLETED {
            let (needs, needed) = (flags.libvirt_names(), Flags::COMPLETED.libvirt_names());
            let detail = format!("flag '{needed}' is required by flag '{needs}'");
            return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, detail));
        }
        if flags.contains(Flags::COMPLETED) {
            // Of the jobs that leave figures behind (migration, save, dump) none is built yet.
            self.driver.domain(&args.dom)?;
            return Ok(DomainGetJobStatsRet { r#type: domain_job_type::NONE, params: Vec::new().into() });
        }
        let Some((operation, elapsed)) = self.long_job(&args.dom)? else {
            return Ok(DomainGetJobStatsRet { r#type: domain_job_type::NONE, params: Vec::new().into() });
        };
        let params = vec![
            TypedParam::new("operation", TypedParamValue::Int(operation)),
            TypedParam::new("time_elapsed", TypedParamValue::Ullong(elapsed)),
        ];
        Ok(DomainGetJobStatsRet { r#type: domain_job_type::UNBOUNDED, params: params.into() })
    }
}

impl Virtqemud {
    /// What long job an active domain has (`virDomainJobOperation`), and for how many milliseconds.
    fn long_job(&self, named: &NonnullDomain) -> Result<Option<(i32, u64)>, Fault> {
        let domain = self.driver.domain(named)?;
        domain.view().active()?;
        let (_, long) = domain.jobs().held();
        let elapsed = u64::try_from(domain.jobs().held_for().as_millis()).unwrap_or(u64::MAX);
        Ok(long.map(|job| (operation(job), elapsed)))
    }
}

fn operation(job: LongJob) -> i32 {
    match job {
        LongJob::Start => domain_job_operation::START,
        LongJob::Save => domain_job_operation::SAVE,
        LongJob::Reconnect => domain_job_operation::UNKNOWN,
    }
}
