//! Error codes (`virErrorNumber`) with the words that clients see.

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i32);

impl ErrorCode {
    /// The words of the code where nothing more is known.
    pub fn text(self) -> &'static str {
        self.words().0
    }

    /// What stands before and after the detail in a message of this code.
    pub(super) fn around(self) -> (&'static str, &'static str) {
        self.words().1.split_once("%s").unwrap_or_default()
    }

    fn words(self) -> (&'static str, &'static str) {
        let place = usize::try_from(self.0).ok().and_then(|code| code.checked_sub(1));
        place.and_then(|place| WORDS.get(place)).copied().unwrap_or(("unknown error", "%s"))
    }
}

impl ErrorCode {
    /// No error.
    pub const OK: Self = Self(0);
    /// Internal error.
    pub const INTERNAL_ERROR: Self = Self(1);
    /// Out of memory.
    pub const NO_MEMORY: Self = Self(2);
    /// This function is not supported by the connection driver.
    pub const NO_SUPPORT: Self = Self(3);
    /// Unknown host.
    pub const UNKNOWN_HOST: Self = Self(4);
    /// No connection driver available.
    pub const NO_CONNECT: Self = Self(5);
    /// Invalid connection pointer.
    pub const INVALID_CONN: Self = Self(6);
    /// Invalid domain pointer.
    pub const INVALID_DOMAIN: Self = Self(7);
    /// Invalid argument.
    pub const INVALID_ARG: Self = Self(8);
    /// Operation failed.
    pub const OPERATION_FAILED: Self = Self(9);
    /// GET operation failed.
    pub const GET_FAILED: Self = Self(10);
    /// POST operation failed.
    pub const POST_FAILED: Self = Self(11);
    /// Got unknown HTTP error code.
    pub const HTTP_ERROR: Self = Self(12);
    /// Failed to serialize S-Expr.
    pub const SEXPR_SERIAL: Self = Self(13);
    /// Could not use Xen hypervisor entry.
    pub const NO_XEN: Self = Self(14);
    /// Failed Xen syscall.
    pub const XEN_CALL: Self = Self(15);
    /// Unknown OS type.
    pub const OS_TYPE: Self = Self(16);
    /// Missing kernel information.
    pub const NO_KERNEL: Self = Self(17);
    /// Missing root device information.
    pub const NO_ROOT: Self = Self(18);
    /// Missing source information for device.
    pub const NO_SOURCE: Self = Self(19);
    /// Missing target information for device.
    pub const NO_TARGET: Self = Self(20);
    /// Missing name information.
    pub const NO_NAME: Self = Self(21);
    /// Missing operating system information.
    pub const NO_OS: Self = Self(22);
    /// Missing devices information.
    pub const NO_DEVICE: Self = Self(23);
    /// Could not connect to Xen Store.
    pub const NO_XENSTORE: Self = Self(24);
    /// Too many drivers registered.
    pub const DRIVER_FULL: Self = Self(25);
    /// Library call failed.
    pub const CALL_FAILED: Self = Self(26);
    /// XML description is invalid or not well formed.
    pub const XML_ERROR: Self = Self(27);
    /// This domain exists already.
    pub const DOM_EXIST: Self = Self(28);
    /// Operation forbidden for read only access.
    pub const OPERATION_DENIED: Self = Self(29);
    /// Failed to open configuration file.
    pub const OPEN_FAILED: Self = Self(30);
    /// Failed to read configuration file.
    pub const READ_FAILED: Self = Self(31);
    /// Failed to parse configuration file.
    pub const PARSE_FAILED: Self = Self(32);
    /// Configuration file syntax error.
    pub const CONF_SYNTAX: Self = Self(33);
    /// Failed to write configuration file.
    pub const WRITE_FAILED: Self = Self(34);
    /// Parser error.
    pub const XML_DETAIL: Self = Self(35);
    /// Invalid network pointer.
    pub const INVALID_NETWORK: Self = Self(36);
    /// This network exists already.
    pub const NETWORK_EXIST: Self = Self(37);
    /// System call error.
    pub const SYSTEM_ERROR: Self = Self(38);
    /// RPC error.
    pub const RPC: Self = Self(39);
    /// GNUTLS call error.
    pub const GNUTLS_ERROR: Self = Self(40);
    /// Failed to find the network.
    pub const WAR_NO_NETWORK: Self = Self(41);
    /// Domain not found.
    pub const NO_DOMAIN: Self = Self(42);
    /// Network not found.
    pub const NO_NETWORK: Self = Self(43);
    /// Invalid MAC address.
    pub const INVALID_MAC: Self = Self(44);
    /// Authentication failed.
    pub const AUTH_FAILED: Self = Self(45);
    /// Invalid storage pool pointer.
    pub const INVALID_STORAGE_POOL: Self = Self(46);
    /// Invalid storage volume pointer.
    pub const INVALID_STORAGE_VOL: Self = Self(47);
    /// Failed to find a storage driver.
    pub const WAR_NO_STORAGE: Self = Self(48);
    /// Storage pool not found.
    pub const NO_STORAGE_POOL: Self = Self(49);
    /// Storage volume not found.
    pub const NO_STORAGE_VOL: Self = Self(50);
    /// Failed to find a node driver.
    pub const WAR_NO_NODE: Self = Self(51);
    /// Invalid node device pointer.
    pub const INVALID_NODE_DEVICE: Self = Self(52);
    /// Node device not found.
    pub const NO_NODE_DEVICE: Self = Self(53);
    /// Security model not found.
    pub const NO_SECURITY_MODEL: Self = Self(54);
    /// Requested operation is not valid.
    pub const OPERATION_INVALID: Self = Self(55);
    /// Failed to find the interface.
    pub const WAR_NO_INTERFACE: Self = Self(56);
    /// Interface not found.
    pub const NO_INTERFACE: Self = Self(57);
    /// Invalid interface pointer.
    pub const INVALID_INTERFACE: Self = Self(58);
    /// Multiple matching interfaces found.
    pub const MULTIPLE_INTERFACES: Self = Self(59);
    /// Failed to start the nwfilter driver.
    pub const WAR_NO_NWFILTER: Self = Self(60);
    /// Invalid network filter.
    pub const INVALID_NWFILTER: Self = Self(61);
    /// Network filter not found.
    pub const NO_NWFILTER: Self = Self(62);
    /// Error while building firewall.
    pub const BUILD_FIREWALL: Self = Self(63);
    /// Failed to find a secret storage driver.
    pub const WAR_NO_SECRET: Self = Self(64);
    /// Invalid secret.
    pub const INVALID_SECRET: Self = Self(65);
    /// Secret not found.
    pub const NO_SECRET: Self = Self(66);
    /// Unsupported configuration.
    pub const CONFIG_UNSUPPORTED: Self = Self(67);
    /// Timed out during operation.
    pub const OPERATION_TIMEOUT: Self = Self(68);
    /// Failed to make domain persistent after migration.
    pub const MIGRATE_PERSIST_FAILED: Self = Self(69);
    /// Hook script execution failed.
    pub const HOOK_SCRIPT_FAILED: Self = Self(70);
    /// Invalid snapshot.
    pub const INVALID_DOMAIN_SNAPSHOT: Self = Self(71);
    /// Domain snapshot not found.
    pub const NO_DOMAIN_SNAPSHOT: Self = Self(72);
    /// Invalid stream pointer.
    pub const INVALID_STREAM: Self = Self(73);
    /// Argument unsupported.
    pub const ARGUMENT_UNSUPPORTED: Self = Self(74);
    /// Storage pool probe failed.
    pub const STORAGE_PROBE_FAILED: Self = Self(75);
    /// Storage pool already built.
    pub const STORAGE_POOL_BUILT: Self = Self(76);
    /// Revert requires force.
    pub const SNAPSHOT_REVERT_RISKY: Self = Self(77);
    /// Operation aborted.
    pub const OPERATION_ABORTED: Self = Self(78);
    /// Authentication cancelled.
    pub const AUTH_CANCELLED: Self = Self(79);
    /// Metadata not found.
    pub const NO_DOMAIN_METADATA: Self = Self(80);
    /// Unsafe migration.
    pub const MIGRATE_UNSAFE: Self = Self(81);
    /// Numerical overflow.
    pub const OVERFLOW: Self = Self(82);
    /// Block copy still active.
    pub const BLOCK_COPY_ACTIVE: Self = Self(83);
    /// Operation not supported.
    pub const OPERATION_UNSUPPORTED: Self = Self(84);
    /// SSH transport error.
    pub const SSH: Self = Self(85);
    /// Guest agent is not responding.
    pub const AGENT_UNRESPONSIVE: Self = Self(86);
    /// Resource busy.
    pub const RESOURCE_BUSY: Self = Self(87);
    /// Access denied.
    pub const ACCESS_DENIED: Self = Self(88);
    /// Error from service.
    pub const DBUS_SERVICE: Self = Self(89);
    /// This storage volume exists already.
    pub const STORAGE_VOL_EXIST: Self = Self(90);
    /// The CPU is incompatible with host CPU.
    pub const CPU_INCOMPATIBLE: Self = Self(91);
    /// XML document failed to validate against schema.
    pub const XML_INVALID_SCHEMA: Self = Self(92);
    /// Migration successfully aborted.
    pub const MIGRATE_FINISH_OK: Self = Self(93);
    /// Authentication unavailable.
    pub const AUTH_UNAVAILABLE: Self = Self(94);
    /// Server not found.
    pub const NO_SERVER: Self = Self(95);
    /// Client not found.
    pub const NO_CLIENT: Self = Self(96);
    /// Guest agent replied with wrong id to guest-sync command.
    pub const AGENT_UNSYNCED: Self = Self(97);
    /// Libssh transport error.
    pub const LIBSSH: Self = Self(98);
    /// Device not found.
    pub const DEVICE_MISSING: Self = Self(99);
    /// Invalid network filter binding.
    pub const INVALID_NWFILTER_BINDING: Self = Self(100);
    /// Network filter binding not found.
    pub const NO_NWFILTER_BINDING: Self = Self(101);
    /// Invalid checkpoint.
    pub const INVALID_DOMAIN_CHECKPOINT: Self = Self(102);
    /// Domain checkpoint not found.
    pub const NO_DOMAIN_CHECKPOINT: Self = Self(103);
    /// Domain backup job id not found.
    pub const NO_DOMAIN_BACKUP: Self = Self(104);
    /// Invalid network port pointer.
    pub const INVALID_NETWORK_PORT: Self = Self(105);
    /// This network port exists already.
    pub const NETWORK_PORT_EXIST: Self = Self(106);
    /// Network port not found.
    pub const NO_NETWORK_PORT: Self = Self(107);
    /// No hostname found.
    pub const NO_HOSTNAME: Self = Self(108);
    /// Checkpoint inconsistent.
    pub const CHECKPOINT_INCONSISTENT: Self = Self(109);
    /// Multiple matching domains found.
    pub const MULTIPLE_DOMAINS: Self = Self(110);
    /// Network metadata not found.
    pub const NO_NETWORK_METADATA: Self = Self(111);
    /// Guest agent command timed out.
    pub const AGENT_COMMAND_TIMEOUT: Self = Self(112);
    /// Guest agent command failed.
    pub const AGENT_COMMAND_FAILED: Self = Self(113);
    /// The encryption key for the secret is invalid.
    pub const INVALID_ENCR_KEY_SECRET: Self = Self(114);
}

/// By code, from 1: the words alone, and the format with a detail. They are the reference's own, as clients
/// match on them; the golden messages check a part of them.
const WORDS: &[(&str, &str)] = &[
    ("internal error", "internal error: %s"),
    ("out of memory", "out of memory: %s"),
    (
        "this function is not supported by the connection driver",
        "this function is not supported by the connection driver: %s",
    ),
    ("unknown host", "unknown host %s"),
    ("no connection driver available", "no connection driver available for %s"),
    ("invalid connection pointer in", "invalid connection pointer in %s"),
    ("invalid domain pointer in", "invalid domain pointer in %s"),
    ("invalid argument", "invalid argument: %s"),
    ("operation failed", "operation failed: %s"),
    ("GET operation failed", "GET operation failed: %s"),
    ("POST operation failed", "POST operation failed: %s"),
    ("got unknown HTTP error code", "got unknown HTTP error code %s"),
    ("failed to serialize S-Expr", "failed to serialize S-Expr: %s"),
    ("could not use Xen hypervisor entry", "could not use Xen hypervisor entry %s"),
    ("failed Xen syscall", "failed Xen syscall %s"),
    ("unknown OS type", "unknown OS type %s"),
    ("missing kernel information", "missing kernel information: %s"),
    ("missing root device information", "missing root device information in %s"),
    ("missing source information for device", "missing source information for device %s"),
    ("missing target information for device", "missing target information for device %s"),
    ("missing name information", "missing name information in %s"),
    ("missing operating system information", "missing operating system information for %s"),
    ("missing devices information", "missing devices information for %s"),
    ("could not connect to Xen Store", "could not connect to Xen Store %s"),
    ("too many drivers registered", "too many drivers registered in %s"),
    ("library call failed", "library call failed: %s"),
    ("XML description is invalid or not well formed", "XML error: %s"),
    ("this domain exists already", "domain %s exists already"),
    ("operation forbidden for read only access", "operation forbidden: %s"),
    ("failed to open configuration file", "failed to open configuration file %s"),
    ("failed to read configuration file", "failed to read configuration file %s"),
    ("failed to parse configuration file", "failed to parse configuration file %s"),
    ("configuration file syntax error", "configuration file syntax error: %s"),
    ("failed to write configuration file", "failed to write configuration file: %s"),
    ("parser error", "%s"),
    ("invalid network pointer in", "invalid network pointer in %s"),
    ("this network exists already", "network %s exists already"),
    ("system call error", "%s"),
    ("RPC error", "%s"),
    ("GNUTLS call error", "%s"),
    ("Failed to find the network", "Failed to find the network: %s"),
    ("Domain not found", "Domain not found: %s"),
    ("Network not found", "Network not found: %s"),
    ("invalid MAC address", "invalid MAC address: %s"),
    ("authentication failed", "authentication failed: %s"),
    ("invalid storage pool pointer in", "invalid storage pool pointer in %s"),
    ("invalid storage volume pointer in", "invalid storage volume pointer in %s"),
    ("Failed to find a storage driver", "Failed to find a storage driver: %s"),
    ("Storage pool not found", "Storage pool not found: %s"),
    ("Storage volume not found", "Storage volume not found: %s"),
    ("Failed to find a node driver", "Failed to find a node driver: %s"),
    ("invalid node device pointer", "invalid node device pointer in %s"),
    ("Node device not found", "Node device not found: %s"),
    ("Security model not found", "Security model not found: %s"),
    ("Requested operation is not valid", "Requested operation is not valid: %s"),
    ("Failed to find the interface", "Failed to find the interface: %s"),
    ("Interface not found", "Interface not found: %s"),
    ("invalid interface pointer in", "invalid interface pointer in %s"),
    ("multiple matching interfaces found", "multiple matching interfaces found: %s"),
    ("Failed to start the nwfilter driver", "Failed to start the nwfilter driver: %s"),
    ("Invalid network filter", "Invalid network filter: %s"),
    ("Network filter not found", "Network filter not found: %s"),
    ("Error while building firewall", "Error while building firewall: %s"),
    ("Failed to find a secret storage driver", "Failed to find a secret storage driver: %s"),
    ("Invalid secret", "Invalid secret: %s"),
    ("Secret not found", "Secret not found: %s"),
    ("unsupported configuration", "unsupported configuration: %s"),
    ("Timed out during operation", "Timed out during operation: %s"),
    (
        "Failed to make domain persistent after migration",
        "Failed to make domain persistent after migration: %s",
    ),
    ("Hook script execution failed", "Hook script execution failed: %s"),
    ("Invalid snapshot", "Invalid snapshot: %s"),
    ("Domain snapshot not found", "Domain snapshot not found: %s"),
    ("invalid stream pointer", "invalid stream pointer in %s"),
    ("argument unsupported", "argument unsupported: %s"),
    ("Storage pool probe failed", "Storage pool probe failed: %s"),
    ("Storage pool already built", "Storage pool already built: %s"),
    ("revert requires force", "revert requires force: %s"),
    ("operation aborted", "operation aborted: %s"),
    ("authentication cancelled", "authentication cancelled: %s"),
    ("metadata not found", "metadata not found: %s"),
    ("Unsafe migration", "Unsafe migration: %s"),
    ("numerical overflow", "numerical overflow: %s"),
    ("block copy still active", "block copy still active: %s"),
    ("Operation not supported", "Operation not supported: %s"),
    ("SSH transport error", "SSH transport error: %s"),
    ("Guest agent is not responding", "Guest agent is not responding: %s"),
    ("resource busy", "resource busy: %s"),
    ("access denied", "access denied: %s"),
    ("error from service", "error from service: %s"),
    ("this storage volume exists already", "storage volume %s exists already"),
    ("the CPU is incompatible with host CPU", "the CPU is incompatible with host CPU: %s"),
    ("XML document failed to validate against schema", "XML document failed to validate against schema: %s"),
    ("migration successfully aborted", "migration successfully aborted: %s"),
    ("authentication unavailable", "authentication unavailable: %s"),
    ("Server not found", "Server not found: %s"),
    ("Client not found", "Client not found: %s"),
    (
        "guest agent replied with wrong id to guest-sync command",
        "guest agent replied with wrong id to guest-sync command: %s",
    ),
    ("libssh transport error", "libssh transport error: %s"),
    ("device not found", "device not found: %s"),
    ("Invalid network filter binding", "Invalid network filter binding: %s"),
    ("Network filter binding not found", "Network filter binding not found: %s"),
    ("Invalid checkpoint", "Invalid checkpoint: %s"),
    ("Domain checkpoint not found", "Domain checkpoint not found: %s"),
    ("Domain backup job id not found", "Domain backup job id not found: %s"),
    ("Invalid network port pointer", "Invalid network port pointer: %s"),
    ("this network port exists already", "network port %s exists already"),
    ("network port not found", "network port not found: %s"),
    ("no hostname found", "no hostname found: %s"),
    ("checkpoint inconsistent", "checkpoint inconsistent: %s"),
    ("multiple matching domains found", "multiple matching domains found: %s"),
    ("Network metadata not found", "Network metadata not found: %s"),
    ("guest agent command timed out", "guest agent command timed out: %s"),
    ("guest agent command failed", "guest agent command failed: %s"),
    ("the encryption key for the secret is invalid", "the encryption key for the secret is invalid: %s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_at_their_code() {
        assert_eq!(ErrorCode::NO_DOMAIN.text(), "Domain not found");
        assert_eq!(ErrorCode::INVALID_ENCR_KEY_SECRET.0 as usize, WORDS.len());
        assert_eq!(ErrorCode::OK.text(), "unknown error");
        for (text, format) in WORDS {
            assert!(!text.is_empty() && format.matches("%s").count() == 1, "{text}");
        }
    }
}
