//! The host CPUs of a guest's threads, also where there are no control groups to hold them there.

use std::io;

use model::bitmap::Bitmap;
use model::domain::Domain as Definition;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Keep vCPUs and iothreads to the CPUs that the definition names for them (sched_setaffinity(2)). Pairs of number and
/// thread.
pub fn pin(definition: &Definition, vcpus: &[(u32, u32)], iothreads: &[(u32, u32)]) -> host::Result<()> {
    let any = definition.vcpus.cpuset.as_ref();
    let vcpus = vcpus.iter().map(|(vcpu, thread)| (definition.cputune.vcpu_pins.get(vcpu), thread));
    let iothreads = iothreads.iter().map(|(id, thread)| (definition.cputune.iothread_pins.get(id), thread));
    for (own, thread) in vcpus.chain(iothreads) {
        if let Some(cpus) = own.or(any) {
            keep(*thread, cpus)?;
        }
    }
    Ok(())
}

fn keep(thread: u32, cpus: &Bitmap) -> host::Result<()> {
    let failed = |source| host::Error::System { action: "keep a guest's thread to its CPUs", source };
    let mut set = CpuSet::new();
    // CPUs beyond those that the call can name do not exist on this host either.
    for cpu in cpus.iter().map(|cpu| cpu as usize).filter(|cpu| *cpu < CpuSet::MAX_CPU) {
        set.set(cpu);
    }
    let thread =
        Pid::from_raw(thread.cast_signed()).ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    sched_setaffinity(Some(thread), &set).map_err(|errno| failed(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::thread::{gettid, sched_getaffinity};

    #[test]
    fn a_thread_is_kept_to_its_cpus() {
        std::thread::spawn(|| {
            let allowed = sched_getaffinity(None).unwrap();
            let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
            let mut definition = Definition::default();
            let thread = gettid().as_raw_nonzero().get().cast_unsigned();
            pin(&definition, &[(0, thread)], &[]).unwrap();
            assert_eq!(sched_getaffinity(None).unwrap(), allowed);
            let mut cpus = Bitmap::new();
            cpus.insert(u32::try_from(first).unwrap());
            definition.cputune.vcpu_pins.insert(0, cpus.clone());
            pin(&definition, &[(0, thread)], &[]).unwrap();
            assert_eq!(sched_getaffinity(None).unwrap().count(), 1);
            assert!(pin(&definition, &[(0, 0)], &[]).is_err());
            definition.vcpus.cpuset = Some(cpus);
            assert!(pin(&definition, &[], &[(1, 0)]).is_err());
        })
        .join()
        .unwrap();
    }
}
