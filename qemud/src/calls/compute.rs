//! Memory and vcpus of a domain, as far as they are questions.

use host::proc;
use protocol::consts::{DomainModificationImpact as Affect, DomainVcpuFlags, vcpu_state};
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::cpumaps::{self, Room};
use crate::domain::View;
use crate::driver::check_flags;
use crate::guest::agent;
use crate::service::Virtqemud;
use crate::{hostinfo, impact};

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
            return Err(guest_vcpus(&view, flags.contains(DomainVcpuFlags::LIVE)));
        }
        let definition = impact::one(&view, Affect::from_bits_truncate(flags.bits()))?;
        let maximum = flags.contains(DomainVcpuFlags::MAXIMUM);
        let num = if maximum { definition.vcpus.max } else { definition.vcpus.current };
        Ok(DomainGetVcpusFlagsRet { num: count(num) })
    }

    async fn domain_get_vcpus(
        &self,
        _call: &Call,
        args: DomainGetVcpusArgs,
    ) -> Result<DomainGetVcpusRet, Fault> {
        let room = Room::checked(args.maxinfo, args.maplen)?;
        let view = self.driver.view(&args.dom)?;
        let Some(live) = &view.live else {
            let detail = "cannot retrieve vcpu information for inactive domain";
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, detail));
        };
        let (mut info, mut cpumaps) = (Vec::new(), Vec::new());
        for (number, thread) in live.vcpu_threads.iter().take(room.maps) {
            let thread = thread.cast_signed();
            let times = proc::thread_times(live.process.pid, thread).unwrap_or_default();
            info.push(VcpuInfo {
                number: *number,
                state: vcpu_state::RUNNING,
                cpu_time: times.user.saturating_add(times.system),
                cpu: times.processor.cast_signed(),
            });
            cpumaps.extend(cpumaps::map(proc::affinity(thread).unwrap_or_default(), room.bytes));
        }
        Ok(DomainGetVcpusRet { info: info.into(), cpumaps: cpumaps.into() })
    }

    async fn domain_get_vcpu_pin_info(
        &self,
        _call: &Call,
        args: DomainGetVcpuPinInfoArgs,
    ) -> Result<DomainGetVcpuPinInfoRet, Fault> {
        let flags = check_flags("virDomainGetVcpuPinInfo", args.flags, Affect::all())?;
        let room = Room::checked(args.ncpumaps, args.maplen)?;
        let view = self.driver.view(&args.dom)?;
        let definition = impact::one(&view, flags)?;
        let all = hostinfo::blocking(hostinfo::online_cpus).await?;
        let vcpus = 0..definition.vcpus.max;
        let mut cpumaps = Vec::new();
        let mut num = 0;
        for vcpu in vcpus.take(room.maps) {
            let pin = definition.cputune.vcpu_pins.get(&vcpu);
            cpumaps.extend(cpumaps::map(cpumaps::pinned(definition, pin, &all), room.bytes));
            num += 1;
        }
        Ok(DomainGetVcpuPinInfoRet { cpumaps: cpumaps.into(), num })
    }

    async fn domain_get_emulator_pin_info(
        &self,
        _call: &Call,
        args: DomainGetEmulatorPinInfoArgs,
    ) -> Result<DomainGetEmulatorPinInfoRet, Fault> {
        let flags = check_flags("virDomainGetEmulatorPinInfo", args.flags, Affect::all())?;
        let room = Room::checked(1, args.maplen)?;
        let view = self.driver.view(&args.dom)?;
        let definition = impact::one(&view, flags)?;
        let all = hostinfo::blocking(hostinfo::online_cpus).await?;
        let cpus = cpumaps::pinned(definition, definition.cputune.emulator_pin.as_ref(), &all);
        Ok(DomainGetEmulatorPinInfoRet { cpumaps: cpumaps::map(cpus, room.bytes).into(), ret: 1 })
    }

    async fn domain_get_iothread_info(
        &self,
        _call: &Call,
        args: DomainGetIothreadInfoArgs,
    ) -> Result<DomainGetIothreadInfoRet, Fault> {
        let flags = check_flags("virDomainGetIOThreadInfo", args.flags, Affect::all())?;
        let view = self.driver.view(&args.dom)?;
        let definition = impact::one(&view, flags)?;
        let all = hostinfo::blocking(hostinfo::online_cpus).await?;
        let bytes = all.last().map_or(1, |last| *last as usize / 8 + 1);
        let running = view.live.as_ref().filter(|_| !flags.contains(Affect::CONFIG));
        let threads: Vec<(u32, Vec<u32>)> = match running {
            Some(live) => {
                let monitor = live.monitor.as_ref().ok_or_else(starting)?;
                let known = monitor.query_iothreads().await.map_err(Fault::from)?;
                let placed = known.iter().filter_map(|thread| {
                    let cpus = proc::affinity(thread.thread_id).unwrap_or_default();
                    Some((thread.number()?, cpus))
                });
                placed.collect()
            }
            None => {
                let threads = definition.iothreads.threads.iter();
                let pin = |id: u32| definition.cputune.iothread_pins.get(&id);
                threads.map(|t| (t.id, cpumaps::pinned(definition, pin(t.id), &all))).collect()
            }
        };
        let info: Vec<DomainIothreadInfo> = threads
            .into_iter()
            .map(|(id, cpus)| DomainIothreadInfo {
                iothread_id: id,
                cpumap: cpumaps::map(cpus, bytes).into(),
            })
            .collect();
        let ret = u32::try_from(info.len()).unwrap_or(u32::MAX);
        Ok(DomainGetIothreadInfoRet { info: info.into(), ret })
    }
}

/// A guest whose monitor is not connected yet.
fn starting() -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, "the guest is still being started")
}

/// Why the guest agent, which is not spoken to yet, does not count the vcpus.
fn guest_vcpus(view: &View, live: bool) -> Fault {
    if live && let Err(not_running) = view.active() {
        return not_running;
    }
    if view.live.is_none() {
        let detail = "the guest agent counts the vCPUs of running domains only";
        return Fault::invalid_arg(ErrorDomain::QEMU, detail);
    }
    agent::unavailable(view)
}

fn count(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}
