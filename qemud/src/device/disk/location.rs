//! Where images lie: what a document leaves out, and the protocol part of a block node.

use model::Token;
use model::domain::device::disk::source::{
    Backing, HostTransport, Location, NetworkHost, NetworkProtocol, NetworkSource, StorageSource,
};

use crate::command::PlanError;
use crate::command::props::Props;
use crate::defaults::facts::QemuConf;

/// Fills in default ports along the chain.
pub fn complete(source: &mut StorageSource) {
    let mut next = Some(source);
    while let Some(image) = next {
        if let Location::Network(network) = &mut image.location {
            ports(network);
        }
        next = match &mut image.backing {
            Backing::Source(below) => Some(below),
            Backing::Unknown | Backing::None => None,
        };
    }
}

/// Gives TCP hosts the protocol's port.
pub fn ports(network: &mut NetworkSource) {
    let Some(port) = default_port(network.protocol) else { return };
    for host in network.hosts.iter_mut().filter(|host| host.transport == HostTransport::Tcp) {
        if host.port.unwrap_or(0) == 0 {
            host.port = Some(port);
        }
    }
}

fn default_port(protocol: NetworkProtocol) -> Option<u32> {
    Some(match protocol {
        NetworkProtocol::Http => 80,
        NetworkProtocol::Https => 443,
        NetworkProtocol::Ftp => 21,
        NetworkProtocol::Ftps => 990,
        NetworkProtocol::Tftp => 69,
        NetworkProtocol::Sheepdog => 7000,
        NetworkProtocol::Nbd => 10809,
        NetworkProtocol::Ssh => 22,
        NetworkProtocol::Iscsi => 3260,
        NetworkProtocol::Gluster => 24007,
        NetworkProtocol::Vxhs => 9999,
        NetworkProtocol::Rbd | NetworkProtocol::Nfs => return None,
    })
}

/// Path of a local image.
pub fn path(location: &Location) -> Option<&str> {
    match location {
        Location::File { path, .. } | Location::Block { path } | Location::Dir { path } => path.as_deref(),
        Location::Network(_) | Location::Volume { .. } | Location::Nvme(_) | Location::VhostUser { .. } => {
            None
        }
    }
}

/// Whether the drive holds nothing.
pub fn is_empty(location: &Location) -> bool {
    matches!(
        location,
        Location::File { path: None, .. } | Location::Block { path: None } | Location::Dir { path: None }
    )
}

/// The protocol of a network source as a block driver's properties.
pub fn network(source: &NetworkSource, conf: &QemuConf) -> Result<Props, PlanError> {
    match source.protocol {
        NetworkProtocol::Nbd => nbd(source),
        NetworkProtocol::Rbd => rbd(source),
        NetworkProtocol::Iscsi => iscsi(source),
        NetworkProtocol::Gluster => gluster(source, conf),
        NetworkProtocol::Sheepdog => sheepdog(source),
        NetworkProtocol::Ssh => ssh(source),
        NetworkProtocol::Nfs => nfs(source),
        NetworkProtocol::Http | NetworkProtocol::Https | NetworkProtocol::Ftp | NetworkProtocol::Ftps => {
            curl(source)
        }
        NetworkProtocol::Vxhs => {
            Err(PlanError::unsupported("VxHS protocol is not supported with this QEMU binary"))
        }
        NetworkProtocol::Tftp => {
            Err(PlanError::unsupported("'tftp' protocol is not supported with this QEMU binary"))
        }
    }
}

fn first(source: &NetworkSource) -> Result<&NetworkHost, PlanError> {
    source
        .hosts
        .first()
        .ok_or_else(|| PlanError::internal(format!("protocol '{}' needs a host", source.protocol.as_str())))
}

fn name(source: &NetworkSource) -> Result<&str, PlanError> {
    source
        .name
        .as_deref()
        .ok_or_else(|| PlanError::internal(format!("protocol '{}' needs a name", source.protocol.as_str())))
}

fn port(host: &NetworkHost) -> String {
    host.port.unwrap_or(0).to_string()
}

/// QEMU's `SocketAddress`.
fn socket(host: &NetworkHost) -> Props {
    match host.transport {
        HostTransport::Unix => Props::new().str("type", "unix").opt_str("path", host.socket.as_deref()),
        HostTransport::Tcp | HostTransport::Rdma => {
            Props::new().str("type", "inet").opt_str("host", host.name.as_deref()).str("port", &port(host))
        }
    }
}

fn nbd(source: &NetworkSource) -> Result<Props, PlanError> {
    Ok(Props::device("nbd").nest("server", socket(first(source)?)).opt_str("export", source.name.as_deref()))
}

fn rbd(source: &NetworkSource) -> Result<Props, PlanError> {
    let (pool, image) = name(source)?.split_once('/').ok_or_else(|| {
        PlanError::xml(
            "can't split path '{}' into pool name and image name".replace("{}", name(source).unwrap_or("")),
        )
    })?;
    let servers: Vec<_> = source
        .hosts
        .iter()
        .map(|host| Props::new().opt_str("host", host.name.as_deref()).str("port", &port(host)).into_value())
        .collect();
    let (namespace, image) = match image.split_once('/') {
        Some((namespace, image)) => (Some(namespace), image),
        None => (None, image),
    };
    Ok(Props::device("rbd")
        .str("pool", pool)
        .opt_str("namespace", namespace)
        .str("image", image)
        .opt_str("snapshot", source.snapshot.as_deref())
        .opt("server", (!servers.is_empty()).then_some(servers))
        .opt_str("conf", source.config_file.as_deref()))
}

fn iscsi(source: &NetworkSource) -> Result<Props, PlanError> {
    let host = first(source)?;
    let (target, lun) = name(source)?.split_once('/').unwrap_or((name(source)?, "0"));
    let lun: u64 =
        lun.parse().map_err(|_| PlanError::internal(format!("cannot parse target for lunnr '{lun}'")))?;
    let portal_host = host.name.as_deref().unwrap_or("");
    let portal_host =
        if portal_host.contains(':') { format!("[{portal_host}]") } else { portal_host.to_owned() };
    Ok(Props::device("iscsi")
        .str("portal", &format!("{portal_host}:{}", port(host)))
        .str("target", target)
        .set("lun", lun)
        .str("transport", "tcp")
        .opt_str("initiator-name", source.initiator.as_deref()))
}

fn gluster(source: &NetworkSource, conf: &QemuConf) -> Result<Props, PlanError> {
    let (volume, path) = name(source)?
        .split_once('/')
        .ok_or_else(|| PlanError::xml("gluster volume and path must be given as volume/path"))?;
    let servers: Vec<_> = source.hosts.iter().map(|host| socket(host).into_value()).collect();
    Ok(Props::device("gluster")
        .str("volume", volume)
        .str("path", path)
        .set("server", servers)
        .set("debug", conf.gluster_debug))
}

fn sheepdog(source: &NetworkSource) -> Result<Props, PlanError> {
    Ok(Props::device("sheepdog").nest("server", socket(first(source)?)).str("vdi", name(source)?))
}

fn ssh(source: &NetworkSource) -> Result<Props, PlanError> {
    let host = first(source)?;
    let server = Props::new().opt_str("host", host.name.as_deref()).str("port", &port(host));
    Ok(Props::device("ssh").str("path", name(source)?).nest("server", server))
}

fn nfs(source: &NetworkSource) -> Result<Props, PlanError> {
    let host = first(source)?;
    let server = Props::new().opt_str("host", host.name.as_deref()).str("type", "inet");
    let number =
        |text: &Option<String>| text.as_deref().and_then(|t| t.trim_start_matches('+').parse::<u32>().ok());
    Ok(Props::device("nfs")
        .nest("server", server)
        .str("path", name(source)?)
        .opt("user", number(&source.nfs_user))
        .opt("group", number(&source.nfs_group)))
}

fn curl(source: &NetworkSource) -> Result<Props, PlanError> {
    let host = first(source)?;
    let protocol = source.protocol.as_str();
    let mut url = format!("{protocol}://{}:{}", host.name.as_deref().unwrap_or(""), port(host));
    let path = source.name.as_deref().unwrap_or("");
    if !path.starts_with('/') {
        url.push('/');
    }
    url.push_str(path);
    if let Some(query) = &source.query {
        url.push('?');
        url.push_str(query);
    }
    Ok(Props::device(protocol)
        .str("url", &url)
        .opt("sslverify", source.ssl_verify)
        .opt("timeout", source.timeout)
        .opt("readahead", source.readahead))
}
