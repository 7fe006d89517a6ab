//! `-blockdev`: one node for where an image lies and one for its format, for every image of a chain.

use model::Token;
use model::domain::device::disk::source::{
    Backing, EncryptionEngine, EncryptionFormat, Location, NetworkProtocol, SecretRef, StorageFormat,
    StorageSource,
};
use model::domain::device::disk::{CacheMode, DetectZeroes, Discard, Disk, DiskDevice};

use super::location;
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::chardev;
use crate::command::props::Props;
use crate::command::secrets;

/// How the nodes of a chain are opened.
struct Access<'a> {
    disk: &'a Disk,
    top: bool,
}

/// Writes the nodes of a disk, base first; the answer is the node its drive uses, none if it is empty.
pub fn disk(disk: &Disk, build: &mut Build<'_>) -> Result<Option<String>, PlanError> {
    if let Location::VhostUser { path, reconnect } = &disk.source.location {
        let alias = build.alias(&disk.info)?;
        chardev::vhost_user(build, &format!("chr-vu-{alias}"), path, *reconnect);
        return Ok(None);
    }
    if location::is_empty(&disk.source.location) {
        return Ok(None);
    }
    let images = chain(&disk.source);
    for (depth, image) in images.iter().enumerate().rev() {
        let below = images.get(depth + 1).map(|next| node_number(disk, next)).transpose()?;
        let access = Access { disk, top: depth == 0 };
        node(image, node_number(disk, image)?, below, &access, build)?;
    }
    let number = node_number(disk, &disk.source)?;
    if disk.driver.copy_on_read == Some(true) {
        let name = format!("libvirt-CoR-{}", disk.target);
        let props = Props::device("copy-on-read")
            .str("node-name", &name)
            .str("file", &format!("libvirt-{number}-format"))
            .str("discard", "unmap");
        build.plan.option("-blockdev", props.to_json());
        return Ok(Some(name));
    }
    Ok(Some(format!("libvirt-{number}-format")))
}

/// Images of a chain, the guest's first.
fn chain(source: &StorageSource) -> Vec<&StorageSource> {
    let mut images = vec![source];
    let mut next = source;
    while let Backing::Source(below) = &next.backing {
        images.push(below);
        next = below;
    }
    images
}

/// Number of an image's nodes, given before the start.
fn node_number(disk: &Disk, image: &StorageSource) -> Result<u32, PlanError> {
    image
        .index
        .ok_or_else(|| PlanError::internal(format!("an image of disk '{}' has no number", disk.target)))
}

fn node(
    image: &StorageSource,
    number: u32,
    below: Option<u32>,
    access: &Access<'_>,
    build: &mut Build<'_>,
) -> Result<(), PlanError> {
    let storage = format!("libvirt-{number}-storage");
    let key = image_key(image, number, build)?;
    let props = storage_node(image, &storage, access, build)?;
    build.plan.option("-blockdev", props.to_json());
    let read_only = access.disk.readonly || !access.top;
    if let Some(path) = location::path(&image.location) {
        build.plan.label(path, read_only, access.disk.shareable);
    }
    let mut format_file = storage;
    if let Some(slice) = image.slice.filter(|_| image.format.is_some_and(|f| f != StorageFormat::Raw)) {
        // Only the raw driver knows a part of an image: other formats get one below.
        let name = format!("libvirt-{number}-slice-sto");
        let part = Props::device("raw")
            .str("node-name", &name)
            .set("offset", slice.offset)
            .set("size", slice.size)
            .str("file", &format_file)
            .set("auto-read-only", true)
            .str("discard", "unmap");
        build.plan.option("-blockdev", part.to_json());
        format_file = name;
    }
    let format = format_node(image, (number, &format_file), below, access);
    let format = decrypting(image, format, key.as_deref())?;
    build.plan.option("-blockdev", format.to_json());
    Ok(())
}

fn storage_node(
    image: &StorageSource,
    name: &str,
    access: &Access<'_>,
    build: &mut Build<'_>,
) -> Result<Props, PlanError> {
    refuse_secrets(image)?;
    let props = match &image.location {
        Location::File { path, .. } => Props::device("file")
            .str("filename", path.as_deref().unwrap_or(""))
            .opt_str("aio", io(access))
            .opt_str("pr-manager", reservations(image, name, build)?.as_deref()),
        Location::Block { path } => Props::device("host_device")
            .str("filename", path.as_deref().unwrap_or(""))
            .opt_str("aio", io(access))
            .opt_str("pr-manager", reservations(image, name, build)?.as_deref()),
        Location::Dir { path } => Props::device("vvfat")
            .str("dir", path.as_deref().unwrap_or(""))
            .set("floppy", access.disk.device == DiskDevice::Floppy)
            .set("rw", false),
        Location::Network(network) => {
            let mut props = location::network(network, &build.board.host.conf)?;
            if network.tls == Some(true) {
                let dir = build.board.host.conf.tls_dir.clone();
                let id = format!("obj{name}_tls0");
                let creds = Props::object("tls-creds-x509", &id)
                    .str("dir", &dir)
                    .str("endpoint", "client")
                    .set("verify-peer", true);
                build.object(&creds);
                props = props.str("tls-creds", &id).opt_str("tls-hostname", network.tls_hostname.as_deref());
            }
            refuse_cookies(network.protocol, !network.cookies.is_empty())?;
            props
        }
        Location::Nvme(nvme) => Props::device("nvme")
            .str(
                "device",
                &format!(
                    "{:04x}:{:02x}:{:02x}.{}",
                    nvme.address.domain, nvme.address.bus, nvme.address.slot, nvme.address.function
                ),
            )
            .set("namespace", nvme.namespace),
        Location::Volume { pool, .. } => {
            return Err(PlanError::NoStoragePool(format!("no storage pool with matching name '{pool}'")));
        }
        Location::VhostUser { .. } => {
            return Err(PlanError::internal("a vhost-user disk has no block node"));
        }
    };
    Ok(props
        .str("node-name", name)
        .nest_some("cache", cache(access))
        .set("auto-read-only", true)
        .str("discard", "unmap"))
}

/// The object that makes persistent reservations for the image, by the helper that listens at the given socket.
fn reservations(
    image: &StorageSource,
    node: &str,
    build: &mut Build<'_>,
) -> Result<Option<String>, PlanError> {
    let Some(reservations) = &image.reservations else { return Ok(None) };
    let Some(path) = &reservations.path else {
        return Err(PlanError::unsupported("a managed helper for persistent reservations is not built yet"));
    };
    let id = format!("pr-helper-{node}");
    build.object(&Props::object("pr-manager-helper", &id).str("path", path));
    Ok(Some(id))
}

/// Logins of network disks, and what librbd decrypts, are not built yet: their secrets are unknown.
fn refuse_secrets(image: &StorageSource) -> Result<(), PlanError> {
    let login = image.auth.as_ref().map(|auth| &auth.secret);
    let keys =
        image.encryption.iter().filter(|encryption| encryption.engine == Some(EncryptionEngine::Librbd));
    let keys = keys.flat_map(|encryption| &encryption.secrets).map(|key| &key.secret);
    match login.into_iter().chain(keys).next() {
        Some(SecretRef::Uuid(uuid)) => {
            Err(PlanError::NoSecret(format!("no secret with matching uuid '{uuid}'")))
        }
        Some(SecretRef::Usage(usage)) => {
            Err(PlanError::NoSecret(format!("no secret with matching usage '{usage}'")))
        }
        None => Ok(()),
    }
}

fn refuse_cookies(protocol: NetworkProtocol, cookies: bool) -> Result<(), PlanError> {
    if cookies {
        let protocol = protocol.as_str();
        return Err(PlanError::unsupported(format!("cookies of '{protocol}' disks are not supported yet")));
    }
    Ok(())
}

/// The object for the secret that opens an encrypted image: its id.
fn image_key(image: &StorageSource, number: u32, build: &mut Build<'_>) -> Result<Option<String>, PlanError> {
    let Some(secret) = secrets::of_image(image) else { return Ok(None) };
    let id = format!("libvirt-{number}-format-encryption-secret0");
    let object = build.options.secrets.object(&id, secret)?;
    build.object(&object);
    Ok(Some(id))
}

/// The format's node, made to decrypt with the secret `key`.
fn decrypting(image: &StorageSource, props: Props, key: Option<&str>) -> Result<Props, PlanError> {
    let (Some(key), Some(encryption)) = (key, &image.encryption) else { return Ok(props) };
    if encryption.format != EncryptionFormat::Luks {
        let detail = format!("'{}' encryption is decrypted by librbd alone", encryption.format);
        return Err(PlanError::unsupported(detail));
    }
    match image.format.unwrap_or(StorageFormat::Raw) {
        StorageFormat::Raw => Ok(props.str("driver", "luks").str("key-secret", key)),
        StorageFormat::Qcow2 => {
            Ok(props.nest("encrypt", Props::new().str("format", "luks").str("key-secret", key)))
        }
        other => Err(PlanError::unsupported(format!("images of format '{other}' cannot be encrypted"))),
    }
}

/// `own`: the image's number, and the node it is read from.
fn format_node(image: &StorageSource, own: (u32, &str), below: Option<u32>, access: &Access<'_>) -> Props {
    let (number, file) = own;
    let format = image.format.unwrap_or(StorageFormat::Raw);
    let top = access.top;
    let mut props = Props::new()
        .str("node-name", &format!("libvirt-{number}-format"))
        .set("read-only", access.disk.readonly || !top)
        .opt_str("discard", access.disk.driver.discard.map(Token::as_str));
    if top {
        props = props.opt_str("detect-zeroes", detect_zeroes(access.disk));
    }
    props = props.nest_some("cache", cache(access)).str("driver", driver(format));
    if format == StorageFormat::Qcow2 {
        props = props.opt("cache-size", access.disk.driver.metadata_cache_size.filter(|_| top));
    }
    if let Some(slice) = image.slice.filter(|_| format == StorageFormat::Raw) {
        props = props.set("offset", slice.offset).set("size", slice.size);
    }
    props = props.str("file", file);
    match (&image.backing, below) {
        (Backing::None, _) if has_backing(format) => props.set("backing", serde_json::Value::Null),
        (_, Some(next)) => props.str("backing", &format!("libvirt-{next}-format")),
        _ => props,
    }
}

fn detect_zeroes(disk: &Disk) -> Option<&'static str> {
    disk.driver.detect_zeroes.map(|mode| match mode {
        // Without discard on the image, unmapping zeros is only detecting them.
        DetectZeroes::Unmap if disk.driver.discard != Some(Discard::Unmap) => DetectZeroes::On.as_str(),
        other => other.as_str(),
    })
}

fn has_backing(format: StorageFormat) -> bool {
    matches!(format, StorageFormat::Qcow2 | StorageFormat::Qed | StorageFormat::Vmdk | StorageFormat::Qcow)
}

/// QEMU's name of a format driver.
fn driver(format: StorageFormat) -> &'static str {
    match format {
        StorageFormat::Fat | StorageFormat::Iso | StorageFormat::Dir => "raw",
        StorageFormat::Ploop => "parallels",
        other => other.as_str(),
    }
}

fn io(access: &Access<'_>) -> Option<&'static str> {
    access.disk.driver.io.map(Token::as_str)
}

fn cache(access: &Access<'_>) -> Props {
    let Some(mode) = access.disk.driver.cache else { return Props::new() };
    let (direct, no_flush) = match mode {
        CacheMode::None | CacheMode::Directsync => (true, false),
        CacheMode::Writeback | CacheMode::Writethrough => (false, false),
        CacheMode::Unsafe => (false, true),
    };
    Props::new().set("direct", direct).set("no-flush", no_flush)
}
