//! Where an image lies and what it is made of: `<source>`, `<backingStore>`, `<mirror>`.

use uuid::Uuid;

use crate::domain::device::address::PciAddress;
use crate::domain::device::chardev::Reconnect;
use crate::domain::seclabel::DeviceSecLabel;

/// An image, with its chain of backing images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageSource {
    /// Where it lies.
    pub location: Location,
    /// Its format.
    pub format: Option<StorageFormat>,
    /// Size of a backing image's metadata cache in bytes; the top image's is the driver's.
    pub metadata_cache_size: Option<u64>,
    /// Number of the node in a live chain.
    pub index: Option<u32>,
    /// The part of the file that is the image.
    pub slice: Option<StorageSlice>,
    /// Labels per security driver.
    pub seclabels: Vec<DeviceSecLabel>,
    /// Credentials for the server.
    pub auth: Option<Box<StorageAuth>>,
    /// Encryption of the content.
    pub encryption: Option<Box<Encryption>>,
    /// SCSI persistent reservations.
    pub reservations: Option<Box<Reservations>>,
    /// What is known of the image below.
    pub backing: Backing,
}

/// What the definition says of the backing image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backing {
    /// Nothing: found out at start.
    #[default]
    Unknown,
    /// `<backingStore/>`: there is none.
    None,
    /// This one.
    Source(Box<StorageSource>),
}

/// `type=` of a disk with the attributes of `<source>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// `file`. None: an empty drive.
    File {
        /// Path.
        path: Option<String>,
        /// Name of a descriptor group given by the client.
        fdgroup: Option<String>,
    },
    /// `block`. None: an empty drive.
    Block {
        /// Path of the device.
        path: Option<String>,
    },
    /// `dir`: a directory shown as FAT file system.
    Dir {
        /// Path.
        path: Option<String>,
    },
    /// `network`
    Network(Box<NetworkSource>),
    /// `volume`: resolved by storaged at start.
    Volume {
        /// Pool.
        pool: String,
        /// Volume in it.
        volume: String,
        /// iSCSI pools: by the host's block device or by QEMU.
        mode: Option<VolumeMode>,
    },
    /// `nvme`: a controller of the host.
    Nvme(NvmeSource),
    /// `vhostuser`: another process serves the blocks.
    VhostUser {
        /// Unix socket.
        path: String,
        /// When the connection breaks.
        reconnect: Option<Reconnect>,
    },
}

impl Default for Location {
    fn default() -> Self {
        Self::File { path: None, fdgroup: None }
    }
}

/// `<source protocol=>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSource {
    /// Protocol.
    pub protocol: NetworkProtocol,
    /// Volume or path on the server, as written.
    pub name: Option<String>,
    /// HTTP query.
    pub query: Option<String>,
    /// Whether TLS is used.
    pub tls: Option<bool>,
    /// Name to check the certificate against.
    pub tls_hostname: Option<String>,
    /// Servers.
    pub hosts: Vec<NetworkHost>,
    /// Snapshot on the server.
    pub snapshot: Option<String>,
    /// RBD configuration file.
    pub config_file: Option<String>,
    /// iSCSI name of our side.
    pub initiator: Option<String>,
    /// Whether the server's certificate is checked.
    pub ssl_verify: Option<bool>,
    /// HTTP cookies.
    pub cookies: Vec<Cookie>,
    /// Bytes read ahead.
    pub readahead: Option<u64>,
    /// Limit of a request in seconds.
    pub timeout: Option<u64>,
    /// NFS: user.
    pub nfs_user: Option<String>,
    /// NFS: group.
    pub nfs_group: Option<String>,
}

/// `<host>` of a network source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkHost {
    /// How it is reached; printed unless TCP.
    pub transport: HostTransport,
    /// Name or address; not with a Unix socket.
    pub name: Option<String>,
    /// Port; 0 or none: the protocol's.
    pub port: Option<u32>,
    /// Path of the Unix socket.
    pub socket: Option<String>,
}

/// `<cookie>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Name.
    pub name: String,
    /// Value; a secret.
    pub value: String,
}

/// `<source type='pci' namespace=>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NvmeSource {
    /// Whether libvirt detaches the controller from the host.
    pub managed: Option<bool>,
    /// Namespace, from 1.
    pub namespace: u64,
    /// Host address of the controller.
    pub address: PciAddress,
}

/// `<slice type='storage'>`: bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageSlice {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub size: u64,
}

/// `<auth>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageAuth {
    /// User name.
    pub username: String,
    /// Kind of the secret.
    pub secret_type: SecretUsageType,
    /// The secret.
    pub secret: SecretRef,
}

/// A secret, by UUID or by usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretRef {
    /// `uuid=`
    Uuid(Uuid),
    /// `usage=`
    Usage(String),
}

/// `<encryption>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// Format.
    pub format: EncryptionFormat,
    /// Who decrypts.
    pub engine: Option<EncryptionEngine>,
    /// Keys: the first opens the image.
    pub secrets: Vec<EncryptionSecret>,
    /// How to make it; storage volumes only.
    pub cipher: Option<Cipher>,
    /// How to make initialisation vectors.
    pub ivgen: Option<IvGen>,
}

/// `<secret>` of an encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionSecret {
    /// Always "passphrase".
    pub kind: EncryptionSecretType,
    /// The secret.
    pub secret: SecretRef,
}

/// `<cipher>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cipher {
    /// Name ("aes").
    pub name: String,
    /// Bits of the key.
    pub size: u32,
    /// Mode ("xts").
    pub mode: Option<String>,
    /// Hash ("sha256").
    pub hash: Option<String>,
}

/// `<ivgen>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IvGen {
    /// Name ("plain64").
    pub name: String,
    /// Hash.
    pub hash: Option<String>,
}

/// `<reservations>`: who asks the device for persistent reservations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservations {
    /// Whether libvirt runs the helper.
    pub managed: bool,
    /// Socket of the helper.
    pub path: Option<String>,
}

tokens! {
    /// `type=` of a disk.
    pub enum LocationType {
        File = "file", Block = "block", Dir = "dir", Network = "network", Volume = "volume", Nvme = "nvme",
        VhostUser = "vhostuser",
    }

    /// `protocol=`
    pub enum NetworkProtocol {
        Nbd = "nbd", Rbd = "rbd", Sheepdog = "sheepdog", Gluster = "gluster", Iscsi = "iscsi", Http = "http",
        Https = "https", Ftp = "ftp", Ftps = "ftps", Tftp = "tftp", Ssh = "ssh", Vxhs = "vxhs", Nfs = "nfs",
    }

    /// `transport=`
    #[derive(Default)]
    pub enum HostTransport { #[default] Tcp = "tcp", Unix = "unix", Rdma = "rdma" }

    /// `mode=` of a volume.
    pub enum VolumeMode { Host = "host", Direct = "direct" }

    /// Image formats.
    pub enum StorageFormat {
        Raw = "raw", Dir = "dir", Bochs = "bochs", Cloop = "cloop", Dmg = "dmg", Iso = "iso", Vpc = "vpc",
        Vdi = "vdi", Fat = "fat", Vhd = "vhd", Ploop = "ploop", Cow = "cow", Qcow = "qcow", Qcow2 = "qcow2",
        Qed = "qed", Vmdk = "vmdk", Luks = "luks",
    }

    /// `<secret type=>` of `<auth>`.
    pub enum SecretUsageType {
        None = "none", Volume = "volume", Ceph = "ceph", Iscsi = "iscsi", Tls = "tls", Vtpm = "vtpm",
    }

    /// `<encryption format=>`
    pub enum EncryptionFormat {
        Default = "default", Qcow = "qcow", Luks = "luks", Luks2 = "luks2", LuksAny = "luks-any",
    }

    /// `<encryption engine=>`
    pub enum EncryptionEngine { Qemu = "qemu", Librbd = "librbd" }

    /// `<secret type=>` of `<encryption>`.
    pub enum EncryptionSecretType { Passphrase = "passphrase" }
}
