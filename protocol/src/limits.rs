//! Limits of the wire: most elements (or bytes) that a counted field may have. At the limit is accepted.
//!
//! Names are the reference's, without `REMOTE_`; ordinary strings have [`crate::xdr::STRING_MAX`].

/// Bytes of a string of the lock manager.
pub const LOCK_STRING_MAX: usize = 65_536;
/// Authentication types.
pub const AUTH_TYPE_LIST_MAX: usize = 20;
/// Bytes of SASL data.
pub const AUTH_SASL_DATA_MAX: usize = 65_536;
/// NUMA cells.
pub const NODE_MAX_CELLS: usize = 1_024;
/// Bytes of a security model's name, with NUL.
pub const SECURITY_MODEL_MAX: usize = 257;
/// Bytes of a domain of interpretation, with NUL.
pub const SECURITY_DOI_MAX: usize = 257;
/// CPU documents to compute a baseline from.
pub const CPU_BASELINE_MAX: usize = 256;
/// CPU statistics of the host.
pub const NODE_CPU_STATS_MAX: usize = 16;
/// Memory statistics of the host.
pub const NODE_MEMORY_STATS_MAX: usize = 16;
/// Memory parameters of the host.
pub const NODE_MEMORY_PARAMETERS_MAX: usize = 64;
/// Bytes of a map of host CPUs.
pub const CPUMAP_MAX: usize = 2_048;
/// CPU model names.
pub const CONNECT_CPU_MODELS_MAX: usize = 8_192;
/// SEV parameters of the host.
pub const NODE_SEV_INFO_MAX: usize = 64;
/// Parameters of an identity.
pub const CONNECT_IDENTITY_PARAMS_MAX: usize = 20;
/// Domains, or ids or names of some.
pub const DOMAIN_LIST_MAX: usize = 16_384;
/// Messages about a domain.
pub const DOMAIN_MESSAGES_MAX: usize = 2_048;
/// Parameters of saving and restoring.
pub const DOMAIN_SAVE_PARAMS_MAX: usize = 64;
/// Bytes of a security label, with NUL.
pub const SECURITY_LABEL_MAX: usize = 4_097;
/// Keys pressed together.
pub const DOMAIN_SEND_KEY_MAX: usize = 16;
/// Parameters of a domain's interface.
pub const DOMAIN_INTERFACE_PARAMETERS_MAX: usize = 16;
/// Security labels of a domain.
pub const SECURITY_LABEL_LIST_MAX: usize = 64;
/// Addresses of an interface.
pub const DOMAIN_IP_ADDR_MAX: usize = 2_048;
/// Interfaces of a guest.
pub const DOMAIN_INTERFACE_MAX: usize = 2_048;
/// Parameters of a guest's launch measurement.
pub const DOMAIN_LAUNCH_SECURITY_INFO_PARAMS_MAX: usize = 64;
/// Parameters of a guest's launch secret.
pub const DOMAIN_LAUNCH_SECURITY_STATE_PARAMS_MAX: usize = 64;
/// Parameters of announcing interfaces.
pub const DOMAIN_ANNOUNCE_INTERFACE_PARAMS_MAX: usize = 16;
/// Virtual CPUs.
pub const VCPUINFO_MAX: usize = 16_384;
/// Bytes of all maps of host CPUs together.
pub const CPUMAPS_MAX: usize = 8_388_608;
/// Parameters of a domain's scheduler.
pub const DOMAIN_SCHEDULER_PARAMETERS_MAX: usize = 16;
/// Bytes read from a guest's memory.
pub const DOMAIN_MEMORY_PEEK_BUFFER_MAX: usize = 4_194_304;
/// Parameters of a domain's memory limits.
pub const DOMAIN_MEMORY_PARAMETERS_MAX: usize = 16;
/// Parameters of a domain's disk I/O.
pub const DOMAIN_BLKIO_PARAMETERS_MAX: usize = 16;
/// Parameters of a domain's NUMA placement.
pub const DOMAIN_NUMA_PARAMETERS_MAX: usize = 16;
/// I/O threads.
pub const IOTHREAD_INFO_MAX: usize = 16_384;
/// Performance counters.
pub const DOMAIN_PERF_EVENTS_MAX: usize = 64;
/// Parameters of an I/O thread.
pub const DOMAIN_IOTHREAD_PARAMS_MAX: usize = 64;
/// Bytes read from a disk.
pub const DOMAIN_BLOCK_PEEK_BUFFER_MAX: usize = 4_194_304;
/// Parameters of a disk's I/O limits.
pub const DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX: usize = 32;
/// Disks with errors.
pub const DOMAIN_DISK_ERRORS_MAX: usize = 256;
/// Parameters of a disk copy.
pub const DOMAIN_BLOCK_COPY_PARAMETERS_MAX: usize = 16;
/// Bytes of a migration cookie.
pub const MIGRATE_COOKIE_MAX: usize = 4_194_304;
/// Statistics of a job.
pub const DOMAIN_JOB_STATS_MAX: usize = 64;
/// Parameters of a migration step.
pub const DOMAIN_MIGRATE_PARAM_LIST_MAX: usize = 64;
/// Mount points to freeze or thaw.
pub const DOMAIN_FSFREEZE_MOUNTPOINTS_MAX: usize = 256;
/// Disks under a file system.
pub const DOMAIN_FSINFO_DISKS_MAX: usize = 256;
/// File systems of a guest.
pub const DOMAIN_FSINFO_MAX: usize = 256;
/// Parameters about a guest's virtual CPUs.
pub const DOMAIN_GUEST_VCPU_PARAMS_MAX: usize = 64;
/// Parameters of what an agent tells.
pub const DOMAIN_GUEST_INFO_PARAMS_MAX: usize = 2_048;
/// Authorized SSH keys.
pub const DOMAIN_AUTHORIZED_SSH_KEYS_MAX: usize = 2_048;
/// Figures of a guest's memory.
pub const DOMAIN_MEMORY_STATS_MAX: usize = 1_024;
/// Statistics of a disk.
pub const DOMAIN_BLOCK_STATS_PARAMETERS_MAX: usize = 16;
/// CPU statistics of a domain.
pub const DOMAIN_GET_CPU_STATS_MAX: usize = 2_048;
/// Statistics of one domain, when asked for many.
pub const CONNECT_GET_ALL_DOMAIN_STATS_MAX: usize = 262_144;
/// Snapshots, or names of some.
pub const DOMAIN_SNAPSHOT_LIST_MAX: usize = 16_384;
/// Checkpoints.
pub const DOMAIN_CHECKPOINT_LIST_MAX: usize = 16_384;
/// Names of a graphics client.
pub const DOMAIN_EVENT_GRAPHICS_IDENTITY_MAX: usize = 20;
/// Tunable settings that changed.
pub const DOMAIN_EVENT_TUNABLE_MAX: usize = 2_048;
/// Networks, or names of some.
pub const NETWORK_LIST_MAX: usize = 16_384;
/// DHCP leases.
pub const NETWORK_DHCP_LEASES_MAX: usize = 65_536;
/// Ports of a network.
pub const NETWORK_PORT_LIST_MAX: usize = 16_384;
/// Parameters of a port.
pub const NETWORK_PORT_PARAMETERS_MAX: usize = 16;
/// Storage pools, or names of some.
pub const STORAGE_POOL_LIST_MAX: usize = 16_384;
/// Volumes of a pool, or names of some.
pub const STORAGE_VOL_LIST_MAX: usize = 16_384;
/// Node devices, or names of some.
pub const NODE_DEVICE_LIST_MAX: usize = 65_536;
/// Capabilities of a node device.
pub const NODE_DEVICE_CAPS_LIST_MAX: usize = 65_536;
/// Secrets, or UUIDs of some.
pub const SECRET_LIST_MAX: usize = 16_384;
/// Bytes of a secret's value.
pub const SECRET_VALUE_MAX: usize = 65_536;
/// Host interfaces, or names of some.
pub const INTERFACE_LIST_MAX: usize = 16_384;
/// Network filters, or names of some.
pub const NWFILTER_LIST_MAX: usize = 16_384;
/// Filter bindings.
pub const NWFILTER_BINDING_LIST_MAX: usize = 16_384;
/// Servers of a daemon.
pub const ADMIN_SERVER_LIST_MAX: usize = 16_384;
/// Sizes of a worker pool.
pub const ADMIN_SERVER_THREADPOOL_PARAMETERS_MAX: usize = 32;
/// Clients of a server.
pub const ADMIN_CLIENT_LIST_MAX: usize = 16_384;
/// Parameters of a client's identity.
pub const ADMIN_CLIENT_INFO_PARAMETERS_MAX: usize = 64;
/// Client limits of a server.
pub const ADMIN_SERVER_CLIENT_LIMITS_MAX: usize = 32;
