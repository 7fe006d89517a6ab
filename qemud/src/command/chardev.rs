//! `-chardev`: the host end of serial ports, channels and the like.

use model::domain::device::chardev::{
    Backend, MouseMode, Reconnect, Source, TcpProtocol, TcpSource, UdpSource, UnixSource,
};

use super::PlanError;
use super::build::Build;
use super::options::Mode;
use super::plan::{ChardevSocket, FdSource};
use super::props::Props;
use super::quote::commas;
use super::secrets;

/// What a character device is for; changes a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Serial ports and all others.
    Plain,
    /// A parallel port: a host device is one too.
    Parallel,
    /// USB redirection.
    UsbRedir,
    /// Smart card passthrough.
    Smartcard,
}

/// Writes `-chardev` for a device; the answer is the id of the character device.
pub fn open(build: &mut Build<'_>, source: &Source, alias: &str, purpose: Use) -> Result<String, PlanError> {
    let id = format!("char{alias}");
    write(build, source, &id, alias, purpose)?;
    Ok(id)
}

/// Writes `-chardev` under a given id.
pub fn write(
    build: &mut Build<'_>,
    source: &Source,
    id: &str,
    alias: &str,
    purpose: Use,
) -> Result<(), PlanError> {
    let mut text = match &source.backend {
        Backend::Null => format!("null,id={id}"),
        Backend::Vc => format!("vc,id={id}"),
        Backend::Pty { .. } => format!("pty,id={id}"),
        Backend::Stdio => format!("stdio,id={id}"),
        Backend::Dev { path } => device(id, path, purpose),
        Backend::File { path, append } => {
            let (path, append) = output(build, path, *append, &format!("{alias}-source"));
            format!("file,id={id},path={}{}", commas(&path), on_off("append", append))
        }
        Backend::Pipe { path } => format!("pipe,id={id},path={}", commas(path)),
        Backend::Udp(udp) => datagram(id, udp),
        Backend::Tcp(tcp) => stream(build, id, tcp)?,
        Backend::Unix(unix) => socket(build, id, alias, unix)?,
        Backend::SpiceVmc => format!("spicevmc,id={id},name={}", spice_name(purpose)),
        Backend::SpicePort { channel } => format!("spiceport,id={id},name={}", commas(channel)),
        Backend::QemuVdagent { mouse, clipboard_copypaste } => vdagent(id, *mouse, *clipboard_copypaste),
        Backend::Dbus { channel } => format!("dbus,id={id},name={}", commas(channel)),
        Backend::Nmdm { .. } => {
            return Err(PlanError::unsupported("unsupported chardev 'nmdm'"));
        }
    };
    if let Some(log) = &source.log {
        let (file, append) = output(build, &log.file, log.append, &format!("{alias}-log"));
        text.push_str(&format!(",logfile={}{}", commas(&file), on_off("logappend", append)));
    }
    build.plan.option("-chardev", text);
    Ok(())
}

/// Socket of a vhost-user server that we connect to.
pub fn vhost_user(build: &mut Build<'_>, id: &str, path: &str, reconnect: Option<Reconnect>) {
    let text = format!("socket,id={id},path={}{}", commas(path), reconnect_text(reconnect));
    build.plan.option("-chardev", text);
}

/// Where QEMU writes for a file, and whether it appends: what is kept within bounds is opened for it.
fn output(build: &mut Build<'_>, path: &str, append: Option<bool>, what: &str) -> (String, Option<bool>) {
    if build.options.mode == Mode::Native || !build.board.host.conf.stdio_logd {
        build.plan.output(path);
        return (path.to_owned(), append);
    }
    (build.plan.pass_output(path, append == Some(true), what), Some(true))
}

fn on_off(key: &str, value: Option<bool>) -> String {
    match value {
        Some(true) => format!(",{key}=on"),
        Some(false) => format!(",{key}=off"),
        None => String::new(),
    }
}

fn device(id: &str, path: &str, purpose: Use) -> String {
    let kind = if purpose == Use::Parallel { "parallel" } else { "serial" };
    format!("{kind},id={id},path={}", commas(path))
}

fn spice_name(purpose: Use) -> &'static str {
    match purpose {
        Use::UsbRedir => "usbredir",
        Use::Smartcard => "smartcard",
        Use::Plain | Use::Parallel => "vdagent",
    }
}

fn vdagent(id: &str, mouse: Option<MouseMode>, clipboard: Option<bool>) -> String {
    let mouse = mouse.map(|mode| mode == MouseMode::Client);
    format!("qemu-vdagent,id={id},name=vdagent{}{}", on_off("clipboard", clipboard), on_off("mouse", mouse))
}

fn datagram(id: &str, udp: &UdpSource) -> String {
    let host = udp.connect_host.as_deref().unwrap_or("");
    let service = udp.connect_service.as_deref().unwrap_or("");
    let local = udp.bind_host.as_deref().unwrap_or("");
    let port = udp.bind_service.as_deref().unwrap_or("0");
    format!(
        "udp,id={id},host={},port={},localaddr={},localport={}",
        commas(host),
        commas(service),
        commas(local),
        commas(port)
    )
}

fn stream(build: &mut Build<'_>, id: &str, tcp: &TcpSource) -> Result<String, PlanError> {
    let mut text = format!("socket,id={id},host={},port={}", commas(&tcp.host), commas(&tcp.service));
    match tcp.protocol {
        TcpProtocol::Telnet => text.push_str(",telnet=on"),
        TcpProtocol::Raw => {}
        TcpProtocol::Telnets | TcpProtocol::Tls => {
            return Err(PlanError::unsupported(
                "chardev protocols 'telnets' and 'tls' are not supported by QEMU",
            ));
        }
    }
    if tcp.listen {
        text.push_str(",server=on,wait=off");
    } else {
        text.push_str(&reconnect_text(tcp.reconnect));
    }
    if tcp.tls == Some(true) {
        let creds = format!("obj{id}_tls0");
        let conf = &build.board.host.conf;
        let (dir, verify) = (conf.chardev_tls_dir.clone(), conf.chardev_tls_verify);
        let endpoint = if tcp.listen { "server" } else { "client" };
        let passphrase = secrets::passphrase(build, id, conf.chardev_tls_secret)?;
        let object = Props::object("tls-creds-x509", &creds)
            .str("dir", &dir)
            .str("endpoint", endpoint)
            .set("verify-peer", verify)
            .opt_str("passwordid", passphrase.as_deref());
        build.object(&object);
        text.push_str(&format!(",tls-creds={creds}"));
    }
    Ok(text)
}

/// A listening socket is opened before the start and passed, so that clients can connect at once.
fn socket(build: &mut Build<'_>, id: &str, alias: &str, unix: &UnixSource) -> Result<String, PlanError> {
    let path = unix
        .path
        .as_deref()
        .ok_or_else(|| PlanError::internal(format!("socket of '{alias}' has no path")))?;
    if !unix.listen {
        return Ok(format!("socket,id={id},path={}{}", commas(path), reconnect_text(unix.reconnect)));
    }
    build.plan.sockets.push(ChardevSocket { alias: alias.to_owned(), path: path.to_owned() });
    if build.options.mode == Mode::Native {
        return Ok(format!("socket,id={id},path={},server=on,wait=off", commas(path)));
    }
    let fd = build.plan.pass(FdSource::ListenUnix { path: path.to_owned() });
    Ok(format!("socket,id={id},fd={fd},server=on,wait=off"))
}

fn reconnect_text(reconnect: Option<Reconnect>) -> String {
    match reconnect {
        Some(Reconnect { enabled: Some(true), timeout }) => format!(",reconnect={timeout}"),
        Some(Reconnect { enabled: Some(false), .. }) => ",reconnect=0".to_owned(),
        _ => String::new(),
    }
}
