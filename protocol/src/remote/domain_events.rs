//! Events of domains: asking for them, and what they carry.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Events of domains: asking for them, and what they carry.
    trait DomainEvents in remote;

    /// Asks for lifecycle events (the oldest form).
    105 connect_domain_event_register()
        -> ConnectDomainEventRegisterRet = "virConnectDomainEventRegister":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Stops lifecycle events (the oldest form).
    106 connect_domain_event_deregister()
        -> ConnectDomainEventDeregisterRet = "virConnectDomainEventDeregister":
        high, acl(connect: read);

    /// Asks for events of one kind for all domains (old form, without callback id).
    167 connect_domain_event_register_any(ConnectDomainEventRegisterAnyArgs)
        -> () = "virConnectDomainEventRegisterAny":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Stops events of one kind (old form, without callback id).
    168 connect_domain_event_deregister_any(ConnectDomainEventDeregisterAnyArgs)
        -> () = "virConnectDomainEventDeregisterAny":
        high, acl(connect: read);

    /// Asks for events of one kind, of one domain or of all.
    316 connect_domain_event_callback_register_any(ConnectDomainEventCallbackRegisterAnyArgs)
        -> ConnectDomainEventCallbackRegisterAnyRet = "virConnectDomainEventRegisterAny":
        high, acl(connect: search_domains), filter(domain: getattr);

    /// Stops the domain events of a callback id.
    317 connect_domain_event_callback_deregister_any(ConnectDomainEventCallbackDeregisterAnyArgs)
        -> () = "virConnectDomainEventDeregisterAny":
        high, acl(connect: read);

    events {
        /// A domain started, stopped or changed its state (old form).
        107 domain_event_lifecycle(DomainEventLifecycleMsg);

        /// The guest rebooted (old form).
        169 domain_event_reboot(DomainEventRebootMsg);

        /// The guest set its clock (old form).
        170 domain_event_rtc_change(DomainEventRtcChangeMsg);

        /// The guest's watchdog fired (old form).
        171 domain_event_watchdog(DomainEventWatchdogMsg);

        /// A disk of the guest had an I/O error (old form).
        172 domain_event_io_error(DomainEventIoErrorMsg);

        /// A client of the guest's graphics connected, initialized or left (old form).
        173 domain_event_graphics(DomainEventGraphicsMsg);

        /// A disk of the guest had an I/O error, with its reason (old form).
        195 domain_event_io_error_reason(DomainEventIoErrorReasonMsg);

        /// An event about the guest was lost because of an error (old form).
        224 domain_event_control_error(DomainEventControlErrorMsg);

        /// A job on a disk ended, or is ready to end (old form).
        241 domain_event_block_job(DomainEventBlockJobMsg);

        /// The medium of a disk changed (old form).
        248 domain_event_disk_change(DomainEventDiskChangeMsg);

        /// The tray of a removable disk opened or closed (old form).
        268 domain_event_tray_change(DomainEventTrayChangeMsg);

        /// The guest woke up (old form).
        269 domain_event_pmwakeup(DomainEventPmwakeupMsg);

        /// The guest went to sleep (old form).
        270 domain_event_pmsuspend(DomainEventPmsuspendMsg);

        /// The guest's balloon changed its size, in KiB (old form).
        276 domain_event_balloon_change(DomainEventBalloonChangeMsg);

        /// The guest went to sleep on disk (old form).
        292 domain_event_pmsuspend_disk(DomainEventPmsuspendDiskMsg);

        /// A device was removed from the guest (old form).
        311 domain_event_device_removed(DomainEventDeviceRemovedMsg);

        /// A domain started, stopped or changed its state.
        318 domain_event_callback_lifecycle(DomainEventCallbackLifecycleMsg);

        /// The guest rebooted.
        319 domain_event_callback_reboot(DomainEventCallbackRebootMsg);

        /// The guest set its clock.
        320 domain_event_callback_rtc_change(DomainEventCallbackRtcChangeMsg);

        /// The guest's watchdog fired.
        321 domain_event_callback_watchdog(DomainEventCallbackWatchdogMsg);

        /// A disk of the guest had an I/O error.
        322 domain_event_callback_io_error(DomainEventCallbackIoErrorMsg);

        /// A client of the guest's graphics connected, initialized or left.
        323 domain_event_callback_graphics(DomainEventCallbackGraphicsMsg);

        /// A disk of the guest had an I/O error, with its reason.
        324 domain_event_callback_io_error_reason(DomainEventCallbackIoErrorReasonMsg);

        /// An event about the guest was lost because of an error.
        325 domain_event_callback_control_error(DomainEventCallbackControlErrorMsg);

        /// A job on a disk, named by its path, ended or is ready to end.
        326 domain_event_callback_block_job(DomainEventCallbackBlockJobMsg);

        /// The medium of a disk changed.
        327 domain_event_callback_disk_change(DomainEventCallbackDiskChangeMsg);

        /// The tray of a removable disk opened or closed.
        328 domain_event_callback_tray_change(DomainEventCallbackTrayChangeMsg);

        /// The guest woke up.
        329 domain_event_callback_pmwakeup(DomainEventCallbackPmwakeupMsg);

        /// The guest went to sleep.
        330 domain_event_callback_pmsuspend(DomainEventCallbackPmsuspendMsg);

        /// The guest's balloon changed its size (in KiB).
        331 domain_event_callback_balloon_change(DomainEventCallbackBalloonChangeMsg);

        /// The guest went to sleep on disk.
        332 domain_event_callback_pmsuspend_disk(DomainEventCallbackPmsuspendDiskMsg);

        /// A device was removed from the guest.
        333 domain_event_callback_device_removed(DomainEventCallbackDeviceRemovedMsg);

        /// A job on a disk, named by its target, ended or is ready to end.
        339 domain_event_block_job_2(DomainEventBlockJob2Msg);

        /// Tunable settings of the domain changed.
        346 domain_event_callback_tunable(DomainEventCallbackTunableMsg);

        /// The guest's agent connected or left.
        348 domain_event_callback_agent_lifecycle(DomainEventCallbackAgentLifecycleMsg);

        /// A device was added to the guest.
        354 domain_event_callback_device_added(DomainEventCallbackDeviceAddedMsg);

        /// A migration began another pass over the guest's memory.
        359 domain_event_callback_migration_iteration(DomainEventCallbackMigrationIterationMsg);

        /// A job on the domain ended; the parameters are its statistics.
        363 domain_event_callback_job_completed(DomainEventCallbackJobCompletedMsg);

        /// A device could not be removed from the guest.
        367 domain_event_callback_device_removal_failed(DomainEventCallbackDeviceRemovalFailedMsg);

        /// The domain's metadata changed.
        379 domain_event_callback_metadata_change(DomainEventCallbackMetadataChangeMsg);

        /// The guest wrote beyond the threshold of a disk (in bytes).
        385 domain_event_block_threshold(DomainEventBlockThresholdMsg);

        /// The host reported a failure of memory that the guest uses.
        423 domain_event_memory_failure(DomainEventMemoryFailureMsg);

        /// The guest changed the size of a memory device (in bytes).
        438 domain_event_memory_device_size_change(DomainEventMemoryDeviceSizeChangeMsg);

        /// The guest changed the MAC address of a network interface.
        453 domain_event_nic_mac_change(DomainEventNicMacChangeMsg);

        /// A virtual CPU was unplugged.
        454 domain_event_vcpu_removed(DomainEventVcpuRemovedMsg);

        /// A channel of the guest was connected or disconnected.
        455 domain_event_callback_channel_lifecycle(DomainEventCallbackChannelLifecycleMsg);
    }
}
