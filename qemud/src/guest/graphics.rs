//! A client's own connection to a guest's display, past the network and past the display's password.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use ::driver::jobs::Job;
use model::Token;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::graphics::GraphicsKind;
use protocol::consts::{DomainOpenGraphicsFlags, domain_graphics_reload_type};
use protocol::remote::{DomainGraphicsReloadArgs, NonnullDomain};
use protocol::{ErrorCode, ErrorDomain, Fault};
use serde_json::json;

use crate::driver::{Driver, check_flags, no_flags};
use crate::process::control::active_monitor;

/// The name under which QEMU knows the descriptor between the two commands.
const FD_NAME: &str = "graphicsfd";

/// What a client asks for.
pub struct Wish {
    /// The domain.
    pub dom: NonnullDomain,
    /// Which of its displays, counted from 0.
    pub index: u32,
    /// `virDomainOpenGraphicsFlags`.
    pub flags: u32,
}

/// Give QEMU one end of a client's socket pair as a connection to a display (procedure 249, QMP `add_client`).
pub async fn open(driver: &Driver, wish: Wish, fds: Vec<OwnedFd>) -> Result<(), Fault> {
    let flags = check_flags("virDomainOpenGraphics", wish.flags, DomainOpenGraphicsFlags::all())?;
    let Ok([socket]) = <[OwnedFd; 1]>::try_from(fds) else {
        return Err(Fault::internal(ErrorDomain::RPC, "exactly one descriptor goes with this call"));
    };
    if rustix::net::sockopt::socket_type(&socket).is_err() {
        return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, "the descriptor must be a socket"));
    }
    connect(driver, &wish, flags, socket).await
}

/// As [`open`], with the daemon making the pair; answers the client's end (procedure 343).
pub async fn open_fd(driver: &Driver, wish: Wish) -> Result<OwnedFd, Fault> {
    let flags = check_flags("virDomainOpenGraphicsFD", wish.flags, DomainOpenGraphicsFlags::all())?;
    let (client, guest) = std::os::unix::net::UnixStream::pair().map_err(|error| {
        let errno = error.raw_os_error().unwrap_or(0);
        Fault::system(ErrorDomain::QEMU, errno, "cannot make a pair of sockets")
    })?;
    connect(driver, &wish, flags, guest.into()).await?;
    Ok(client.into())
}

/// Have the display servers read their TLS files again (procedure 448, QMP `display-reload`).
pub async fn reload(driver: &Driver, args: DomainGraphicsReloadArgs) -> Result<(), Fault> {
    no_flags("virDomainGraphicsReload", args.flags)?;
    let known = domain_graphics_reload_type::ANY..=domain_graphics_reload_type::VNC;
    if !known.contains(&args.r#type) {
        let detail = format!("unknown type of graphics to reload: {}", args.r#type);
        return Err(Fault::invalid_arg(ErrorDomain::QEMU, detail));
    }
    let domain = driver.domain(&args.dom)?;
    let _job = domain.begin(Job::Modify, "virDomainGraphicsReload").await?;
    let monitor = active_monitor(&domain)?;
    let definition = definition(driver, &args.dom)?;
    if !displays(&definition).any(|kind| matches!(kind, GraphicsKind::Vnc(_))) {
        let detail = "only the TLS files of VNC can be reloaded, and the domain has no VNC display";
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, detail));
    }
    monitor.display_reload_vnc_tls().await.map_err(Fault::from)
}

async fn connect(
    driver: &Driver,
    wish: &Wish,
    flags: DomainOpenGraphicsFlags,
    socket: OwnedFd,
) -> Result<(), Fault> {
    let domain = driver.domain(&wish.dom)?;
    let definition = definition(driver, &wish.dom)?;
    let protocol = protocol(&definition, wish.index)?;
    let skip = flags.contains(DomainOpenGraphicsFlags::SKIPAUTH);
    let _job = domain.begin(Job::Modify, "virDomainOpenGraphics").await?;
    let monitor = active_monitor(&domain)?;
    monitor.getfd(FD_NAME, socket).await.map_err(Fault::from)?;
    let client = json!({"protocol": protocol, "fdname": FD_NAME, "skipauth": skip});
    let added = monitor.execute("add_client", client).await;
    if added.is_err() {
        // It may have been taken before the command failed; what counts is the first error.
        let _ = monitor.closefd(FD_NAME).await;
    }
    added.map(drop).map_err(Fault::from)
}

fn definition(driver: &Driver, dom: &NonnullDomain) -> Result<Arc<Definition>, Fault> {
    driver.view(dom)?.active().map(|live| Arc::clone(&live.definition))
}

fn displays(definition: &Definition) -> impl Iterator<Item = &GraphicsKind> {
    definition.devices.iter().filter_map(|device| match device {
        Device::Graphics(graphics) => Some(&graphics.kind),
        _ => None,
    })
}

/// QEMU's word for the display's protocol.
fn protocol(definition: &Definition, index: u32) -> Result<&'static str, Fault> {
    let kind = usize::try_from(index).ok().and_then(|index| displays(definition).nth(index));
    match kind {
        Some(GraphicsKind::Vnc(_)) => Ok("vnc"),
        Some(GraphicsKind::Spice(_)) => Ok("spice"),
        Some(other) => {
            let detail =
                format!("Can only open VNC or SPICE graphics backends, not {}", other.kind().as_str());
            Err(Fault::internal(ErrorDomain::QEMU, detail))
        }
        None => {
            let detail = format!("No graphics backend with index {index}");
            Err(Fault::internal(ErrorDomain::QEMU, detail))
        }
    }
}
