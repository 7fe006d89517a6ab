//! Ways to see the guest's screen.

use model::Token;
use model::domain::device::Device;
use model::domain::device::chardev::MouseMode;
use model::domain::device::graphics::{
    Connected, DbusGraphics, Graphics, GraphicsAuth, GraphicsKind, Listen, SdlGraphics, SpiceChannelMode,
    SpiceGraphics, VncGraphics,
};

use serde_json::json;

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::after::Step;
use crate::command::build::Build;
use crate::command::plan::PlannedFile;
use crate::command::props::Props;
use crate::command::quote::commas;
use crate::command::secrets;
use crate::defaults::{DefaultsError, Part, QemuConf};

/// First port of VNC; QEMU counts displays from it.
const VNC_BASE: i32 = 5900;

impl QemuDevice for Graphics {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        match &self.kind {
            GraphicsKind::Rdp(_) => refuse("rdp graphics are not supported with this QEMU"),
            GraphicsKind::Desktop { .. } => refuse("desktop graphics are not supported with this QEMU"),
            GraphicsKind::Spice(spice) => spice_rules(self, spice, check),
            GraphicsKind::Vnc(vnc) => vnc_rules(vnc),
            GraphicsKind::Sdl(_) | GraphicsKind::EglHeadless { .. } | GraphicsKind::Dbus(_) => Ok(()),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        alone(self, build)?;
        match &self.kind {
            GraphicsKind::Sdl(sdl) => sdl_args(sdl, build),
            GraphicsKind::Vnc(vnc) => vnc_args(self, vnc, build)?,
            GraphicsKind::Spice(spice) => spice_args(self, spice, build)?,
            GraphicsKind::EglHeadless { rendernode } => {
                let node = rendernode.as_deref().map(|path| format!(",rendernode={}", commas(path)));
                if let Some(path) = rendernode {
                    build.plan.label(path, false, true);
                }
                build.plan.option("-display", format!("egl-headless{}", node.unwrap_or_default()));
            }
            GraphicsKind::Dbus(dbus) => dbus_args(dbus, build),
            GraphicsKind::Rdp(_) | GraphicsKind::Desktop { .. } => {
                return Err(PlanError::unsupported(
                    "rdp and desktop graphics are not supported with this QEMU",
                ));
            }
        }
        Ok(())
    }

    fn after(&self, conf: &QemuConf) -> Vec<Step> {
        match &self.kind {
            GraphicsKind::Vnc(vnc) => password("vnc", &vnc.auth, conf.vnc_password.as_deref()),
            GraphicsKind::Spice(spice) => password("spice", &spice.auth, conf.spice_password.as_deref()),
            _ => Vec::new(),
        }
    }
}

/// Sets the display's password, or the one of the configuration, and when it ends.
fn password(protocol: &str, auth: &GraphicsAuth, default: Option<&str>) -> Vec<Step> {
    let Some(password) = auth.passwd.as_deref().or(default) else { return Vec::new() };
    let mut set = json!({ "protocol": protocol, "password": password });
    if let Some(connected) = auth.connected {
        set["connected"] = json!(connected.as_str());
    }
    let time = auth.valid_to.map_or("never".to_owned(), |time| time.to_string());
    let expire = json!({ "protocol": protocol, "time": time });
    vec![Step::new("set_password", set), Step::new("expire_password", expire)]
}

/// QEMU has one server of each kind.
fn alone(graphics: &Graphics, build: &Build<'_>) -> Result<(), PlanError> {
    let same = |device: &&Device| matches!(device, Device::Graphics(other) if other.kind.kind() == graphics.kind.kind());
    if build.domain.devices.iter().filter(same).count() > 1 {
        return Err(PlanError::unsupported(
            "only 1 graphics device of each type (sdl, vnc, spice, headless, dbus) is supported",
        ));
    }
    Ok(())
}

fn refuse(detail: &str) -> Result<(), DefaultsError> {
    Err(DefaultsError::unsupported(detail))
}

fn vnc_rules(vnc: &VncGraphics) -> Result<(), DefaultsError> {
    if vnc.auth.connected.is_some_and(|what| what != Connected::Keep) {
        let detail = "VNC supports connected='keep' only";
        return Err(DefaultsError::unsupported(detail).by(Part::Domain));
    }
    match vnc.auth.passwd.as_deref() {
        Some(password) if password.len() > 8 => {
            refuse("VNC password is longer than the 8 characters that count")
        }
        _ => Ok(()),
    }
}

fn spice_rules(graphics: &Graphics, spice: &SpiceGraphics, check: &Check<'_>) -> Result<(), DefaultsError> {
    let conf = &check.board.host.conf;
    if graphics.listens.iter().any(|l| matches!(l, Listen::None)) && spice.tls_port.is_some_and(|p| p > 0) {
        return refuse("spice tlsPort is not allowed without a listen address");
    }
    if spice.tls_port.is_some_and(|port| port > 0) && !conf.spice_tls {
        return refuse("spice TLS port set in XML configuration, but TLS is disabled in qemu.conf");
    }
    Ok(())
}

fn sdl_args(sdl: &SdlGraphics, build: &mut Build<'_>) {
    if let Some(path) = &sdl.xauth {
        build.plan.env.push(("XAUTHORITY".to_owned(), path.clone()));
    }
    if let Some(display) = &sdl.display {
        build.plan.env.push(("DISPLAY".to_owned(), display.clone()));
    }
    if sdl.fullscreen == Some(true) {
        build.plan.flag("-full-screen");
    }
    let gl = match sdl.gl {
        Some(true) => ",gl=on",
        Some(false) => ",gl=off",
        None => "",
    };
    build.plan.option("-display", format!("sdl{gl}"));
}

/// Address QEMU listens at, IPv6 in brackets.
fn host(listen: &str) -> String {
    if listen.contains(':') { format!("[{listen}]") } else { listen.to_owned() }
}

fn vnc_args(graphics: &Graphics, vnc: &VncGraphics, build: &mut Build<'_>) -> Result<(), PlanError> {
    let host = build.board.host;
    let conf = &host.conf;
    let mut text = match graphics.listens.first() {
        Some(Listen::Socket { socket, .. }) => {
            let path = socket
                .clone()
                .unwrap_or_else(|| format!("{}/vnc.sock", build.options.domain_dir(build.domain)));
            format!("vnc=unix:{}", commas(&path))
        }
        Some(Listen::None) => "none".to_owned(),
        Some(Listen::Address { address, .. } | Listen::Network { address, .. }) => {
            let address = address.clone().unwrap_or_else(|| conf.vnc_listen.clone());
            vnc_display(&address, vnc)?
        }
        None => vnc_display(&conf.vnc_listen.clone(), vnc)?,
    };
    if let Some(policy) = vnc.share_policy {
        text.push_str(&format!(",share={}", policy.as_str()));
    }
    if vnc.auth.passwd.is_some() || conf.vnc_password.is_some() {
        text.push_str(",password=on");
    }
    if conf.vnc_tls {
        text.push_str(",tls-creds=vnc-tls-creds0");
        vnc_credentials(build)?;
    }
    if conf.vnc_sasl {
        text.push_str(",sasl=on");
        sasl(conf.vnc_sasl_dir.as_deref(), build);
    }
    if let Some(on) = vnc.power_control {
        text.push_str(if on { ",power-control=on" } else { ",power-control=off" });
    }
    if let Some(audio) = audio(vnc.audio_id, build) {
        text.push_str(&format!(",audiodev=audio{audio}"));
    }
    build.plan.option("-vnc", text);
    if let Some(keymap) = &vnc.keymap {
        build.plan.option("-k", keymap.clone());
    }
    Ok(())
}

/// The key and certificates by which QEMU's VNC server encrypts.
fn vnc_credentials(build: &mut Build<'_>) -> Result<(), PlanError> {
    let conf = &build.board.host.conf;
    let passphrase = secrets::passphrase(build, "vnc-tls-creds0", conf.vnc_tls_secret)?;
    let object = Props::object("tls-creds-x509", "vnc-tls-creds0")
        .str("dir", &conf.vnc_tls_dir)
        .str("endpoint", "server")
        .set("verify-peer", conf.vnc_tls_verify)
        .opt_str("passwordid", passphrase.as_deref());
    build.object(&object);
    Ok(())
}

/// Where QEMU's SASL library finds its configuration.
fn sasl(dir: Option<&str>, build: &mut Build<'_>) {
    if let Some(dir) = dir {
        build.plan.env.push(("SASL_CONF_PATH".to_owned(), dir.to_owned()));
    }
}

fn vnc_display(address: &str, vnc: &VncGraphics) -> Result<String, PlanError> {
    let port = vnc.port.unwrap_or(0);
    if !(VNC_BASE..=65535).contains(&port) {
        return Err(PlanError::unsupported("vnc port must be in range [5900,65535]"));
    }
    let mut text = format!("{}:{}", host(address), port - VNC_BASE);
    if let Some(port) = vnc.websocket {
        text.push_str(&format!(",websocket={port}"));
    }
    Ok(text)
}

/// The back end a display carries: its own, else the first.
fn audio(own: Option<u32>, build: &Build<'_>) -> Option<u32> {
    let first = build.domain.devices.iter().find_map(|device| match device {
        Device::Audio(audio) => Some(audio.id),
        _ => None,
    });
    own.or(first)
}

fn spice_args(graphics: &Graphics, spice: &SpiceGraphics, build: &mut Build<'_>) -> Result<(), PlanError> {
    let mut parts: Vec<String> = Vec::new();
    spice_listen(graphics, spice, build, &mut parts);
    let host = build.board.host;
    let conf = &host.conf;
    if conf.spice_sasl {
        parts.push("sasl=on".to_owned());
        sasl(conf.spice_sasl_dir.as_deref(), build);
    }
    if spice.mouse.is_some() {
        let mode = if spice.mouse == Some(MouseMode::Server) { "off" } else { "on" };
        parts.push(format!("agent-mouse={mode}"));
    }
    if spice.auth.passwd.is_none() && conf.spice_password.is_none() {
        parts.push("disable-ticketing=on".to_owned());
    }
    if spice.tls_port.is_some_and(|port| port > 0) {
        parts.push(format!("x509-dir={}", commas(&conf.spice_tls_dir)));
    }
    spice_channels(graphics, spice, &mut parts)?;
    spice_compression(spice, &mut parts);
    if spice.gl == Some(true) {
        parts.push("gl=on".to_owned());
        if let Some(node) = &spice.rendernode {
            parts.push(format!("rendernode={}", commas(node)));
        }
    }
    if let Some(node) = &spice.rendernode {
        build.plan.label(node, false, true);
    }
    parts.push("seamless-migration=on".to_owned());
    build.plan.option("-spice", parts.join(","));
    if let Some(keymap) = &spice.keymap {
        build.plan.option("-k", keymap.clone());
    }
    Ok(())
}

fn spice_listen(graphics: &Graphics, spice: &SpiceGraphics, build: &Build<'_>, parts: &mut Vec<String>) {
    let conf = &build.board.host.conf;
    let address = match graphics.listens.first() {
        Some(Listen::Socket { socket, .. }) => {
            let path = socket
                .clone()
                .unwrap_or_else(|| format!("{}/spice.sock", build.options.domain_dir(build.domain)));
            parts.push("unix".to_owned());
            parts.push(format!("addr={}", commas(&path)));
            return;
        }
        Some(Listen::None) => {
            parts.push("port=0".to_owned());
            return;
        }
        Some(Listen::Address { address, .. } | Listen::Network { address, .. }) => address.clone(),
        None => None,
    };
    let plain = spice.port.unwrap_or(0);
    let tls = spice.tls_port.unwrap_or(0);
    if plain > 0 || tls <= 0 {
        parts.push(format!("port={}", plain.max(0)));
    }
    if tls > 0 {
        parts.push(format!("tls-port={tls}"));
    }
    if plain > 0 || tls > 0 {
        parts.push(format!("addr={}", address.unwrap_or_else(|| conf.spice_listen.clone())));
    }
}

/// Which channels are encrypted: only what the server offers can be asked for.
fn spice_channels(
    graphics: &Graphics,
    spice: &SpiceGraphics,
    parts: &mut Vec<String>,
) -> Result<(), PlanError> {
    let secure = spice.tls_port.is_some_and(|port| port > 0);
    let portless = matches!(graphics.listens.first(), Some(Listen::Socket { .. } | Listen::None));
    let plain = portless || spice.port.is_some_and(|port| port > 0);
    let offered = |mode: SpiceChannelMode, what: &str| {
        let (kind, missing) = match mode {
            SpiceChannelMode::Secure if !secure => ("secure", "TLS"),
            SpiceChannelMode::Insecure if !plain => ("insecure", "plain"),
            _ => return Ok(()),
        };
        let what = what.replace("KIND", kind);
        let detail = format!("spice {what} in XML configuration, but {missing} connection is not available");
        Err(PlanError::unsupported(detail))
    };
    if let Some(mode) = spice.default_mode {
        offered(mode, "defaultMode KIND requested")?;
        match mode {
            SpiceChannelMode::Secure => parts.push("tls-channel=default".to_owned()),
            SpiceChannelMode::Insecure => parts.push("plaintext-channel=default".to_owned()),
            SpiceChannelMode::Any => {}
        }
    }
    for (name, mode) in &spice.channels {
        offered(*mode, "KIND channels set")?;
        match mode {
            SpiceChannelMode::Secure => parts.push(format!("tls-channel={}", name.as_str())),
            SpiceChannelMode::Insecure => parts.push(format!("plaintext-channel={}", name.as_str())),
            SpiceChannelMode::Any => {}
        }
    }
    Ok(())
}

fn spice_compression(spice: &SpiceGraphics, parts: &mut Vec<String>) {
    let words = [
        ("image-compression", spice.image_compression.map(Token::as_str)),
        ("jpeg-wan-compression", spice.jpeg_compression.map(Token::as_str)),
        ("zlib-glz-wan-compression", spice.zlib_compression.map(Token::as_str)),
        ("playback-compression", spice.playback_compression.map(|on| if on { "on" } else { "off" })),
        ("streaming-video", spice.streaming.map(Token::as_str)),
    ];
    for (key, word) in words {
        if let Some(word) = word {
            parts.push(format!("{key}={word}"));
        }
    }
    if spice.clipboard_copypaste == Some(false) {
        parts.push("disable-copy-paste=on".to_owned());
    }
    if spice.filetransfer == Some(false) {
        parts.push("disable-agent-file-xfer=on".to_owned());
    }
}

fn dbus_args(dbus: &DbusGraphics, build: &mut Build<'_>) {
    let mut text = "dbus".to_owned();
    if dbus.p2p == Some(true) {
        text.push_str(",p2p=on");
    } else {
        let own =
            format!("{}/dbus/{}-dbus.sock", build.options.dirs.run, build.options.short_name(build.domain));
        let address = match &dbus.address {
            Some(address) => address.clone(),
            None => {
                build
                    .plan
                    .files
                    .push(PlannedFile::Dir { path: format!("{}/dbus", build.options.dirs.run), mode: 0o770 });
                format!("unix:path={own}")
            }
        };
        text.push_str(&format!(",addr={}", commas(&address)));
    }
    if dbus.gl == Some(true) {
        text.push_str(",gl=on");
        if let Some(node) = &dbus.rendernode {
            text.push_str(&format!(",rendernode={}", commas(node)));
        }
    }
    if let Some(audio) = dbus.audio_id {
        text.push_str(&format!(",audiodev=audio{audio}"));
    }
    build.plan.option("-display", text);
}
