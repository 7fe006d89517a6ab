//! Reading `<graphics>`.

use super::{
    DbusGraphics, Graphics, GraphicsAuth, GraphicsKind, GraphicsType, Listen, RdpGraphics, SdlGraphics,
    SpiceChannelMode, SpiceGraphics, VncGraphics,
};
use crate::Token;
use crate::domain::ParseOptions;
use crate::domain::device::info::{Allow, DeviceInfo};
use crate::xml::{Element, XmlError};

/// Reads one display.
pub(super) fn parse(element: &Element, options: &ParseOptions) -> Result<Graphics, XmlError> {
    let kind: GraphicsType = element.require_token("type")?;
    let mut listens = match kind {
        GraphicsType::Vnc | GraphicsType::Rdp | GraphicsType::Spice => {
            Listen::parse_all(element, kind == GraphicsType::Vnc, options)?
        }
        GraphicsType::Sdl | GraphicsType::Desktop | GraphicsType::EglHeadless | GraphicsType::Dbus => {
            Vec::new()
        }
    };
    let kind = match kind {
        GraphicsType::Sdl => GraphicsKind::Sdl(SdlGraphics::parse(element)?),
        GraphicsType::Vnc => GraphicsKind::Vnc(VncGraphics::parse(element, options)?),
        GraphicsType::Rdp => GraphicsKind::Rdp(RdpGraphics::parse(element, options)?),
        GraphicsType::Desktop => GraphicsKind::Desktop {
            display: element.attr_string("display"),
            fullscreen: element.attr_yes_no("fullscreen")?,
        },
        GraphicsType::Spice => {
            let spice = SpiceGraphics::parse(element, options)?;
            let portless = spice.port.is_none() && spice.tls_port.is_none() && !spice.autoport;
            if let Some(first @ Listen::Address { .. }) = listens.first_mut().filter(|_| portless) {
                *first = Listen::None;
            }
            GraphicsKind::Spice(Box::new(spice))
        }
        GraphicsType::EglHeadless => GraphicsKind::EglHeadless {
            rendernode: element.child("gl").and_then(|gl| gl.attr_string("rendernode")),
        },
        GraphicsType::Dbus => GraphicsKind::Dbus(DbusGraphics::parse(element, options)?),
    };
    Ok(Graphics { kind, listens, info: DeviceInfo::parse(element, options, Allow::NOTHING)? })
}

impl SdlGraphics {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let gl = element.child("gl").map(required_enable).transpose()?;
        Ok(Self {
            display: element.attr_string("display"),
            xauth: element.attr_string("xauth"),
            fullscreen: element.attr_yes_no("fullscreen")?,
            gl,
        })
    }
}

impl VncGraphics {
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut vnc = Self {
            port: port(element, "port", "vnc port")?,
            websocket: element.attr_num("websocket")?.filter(|p| *p != 0),
            websocket_generated: options.status && element.attr("websocketGenerated") == Some("yes"),
            keymap: element.attr_string("keymap"),
            auth: GraphicsAuth::parse(element)?,
            share_policy: element.attr_token("sharePolicy")?,
            power_control: element.attr_yes_no("powerControl")?,
            audio_id: audio_id(element)?,
            ..Self::default()
        };
        // A port of -1, or none, asks for any; but what is said of it counts.
        let asked = vnc.port == Some(-1) || element.attr("port").is_none();
        vnc.autoport = element.attr_yes_no("autoport")?.unwrap_or(asked);
        if (vnc.autoport && !options.status) || vnc.port == Some(-1) {
            vnc.port = None;
        }
        Ok(vnc)
    }
}

impl RdpGraphics {
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut rdp = Self {
            port: port(element, "port", "rdp port")?,
            autoport: element.attr_yes_no("autoport")?.unwrap_or_default(),
            replace_user: element.attr_yes_no("replaceUser")?,
            multi_user: element.attr_yes_no("multiUser")?,
        };
        if rdp.port == Some(-1) || element.attr("port").is_none() {
            rdp.autoport = true;
        }
        if rdp.autoport && !options.status {
            rdp.port = None;
        }
        Ok(rdp)
    }
}

impl SpiceGraphics {
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut spice = Self {
            port: element.attr_num("port")?.filter(|port| *port != 0),
            tls_port: element.attr_num("tlsPort")?.filter(|port| *port != 0),
            autoport: element.attr_yes_no("autoport")?.unwrap_or_default(),
            keymap: element.attr_string("keymap"),
            auth: GraphicsAuth::parse(element)?,
            default_mode: element.attr_token("defaultMode")?.filter(|m| *m != SpiceChannelMode::Any),
            ..Self::default()
        };
        // Both ports -1 is the older way to ask for any.
        if spice.port == Some(-1) && spice.tls_port == Some(-1) {
            spice.autoport = true;
        }
        if spice.autoport && !options.status {
            spice.port = None;
            spice.tls_port = None;
        }
        spice.parse_children(element)?;
        Ok(spice)
    }

    fn parse_children(&mut self, element: &Element) -> Result<(), XmlError> {
        for child in element.elements() {
            match child.name.as_str() {
                "channel" => self.parse_channel(child)?,
                "image" => self.image_compression = Some(child.require_token("compression")?),
                "jpeg" => self.jpeg_compression = Some(child.require_token("compression")?),
                "zlib" => self.zlib_compression = Some(child.require_token("compression")?),
                "playback" => {
                    child.require("compression")?;
                    self.playback_compression = child.attr_on_off("compression")?;
                }
                "streaming" => self.streaming = Some(child.require_token("mode")?),
                "clipboard" => {
                    child.require("copypaste")?;
                    self.clipboard_copypaste = child.attr_yes_no("copypaste")?;
                }
                "filetransfer" => {
                    child.require("enable")?;
                    self.filetransfer = child.attr_yes_no("enable")?;
                }
                "gl" => {
                    child.require("enable")?;
                    self.gl = child.attr_yes_no("enable")?;
                    self.rendernode = child.attr_string("rendernode");
                }
                "mouse" => self.mouse = Some(child.require_token("mode")?),
                _ => {}
            }
        }
        Ok(())
    }

    fn parse_channel(&mut self, element: &Element) -> Result<(), XmlError> {
        let (name, mode) = (element.require_token("name")?, element.require_token("mode")?);
        self.channels.retain(|(other, _)| *other != name);
        if mode != SpiceChannelMode::Any {
            self.channels.push((name, mode));
            self.channels.sort();
        }
        Ok(())
    }
}

impl DbusGraphics {
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let gl = element.child("gl");
        let p2p = element.attr_yes_no("p2p")?.filter(|p2p| *p2p);
        let address = element.attr_string("address");
        if p2p.is_some() && address.is_some() {
            return Err(XmlError::xml("D-Bus p2p with an address is not supported"));
        }
        Ok(Self {
            p2p,
            address,
            from_config: options.status && element.attr("fromConfig") == Some("yes"),
            gl: gl.map(|gl| gl.attr_yes_no("enable")).transpose()?.flatten(),
            rendernode: gl.and_then(|gl| gl.attr_string("rendernode")),
            audio_id: audio_id(element)?,
        })
    }
}

impl GraphicsAuth {
    /// Without a password the other attributes say nothing.
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let Some(passwd) = element.attr_string("passwd") else { return Ok(Self::default()) };
        let valid_to = element.attr("passwdValidTo");
        let connected = element.attr("connected").map(|word| {
            let unknown = || XmlError::unsupported(format!("unknown connected value {word}"));
            Token::from_word(word).ok_or_else(unknown)
        });
        Ok(Self {
            passwd: Some(passwd),
            valid_to: valid_to.map(super::time::parse).transpose()?,
            connected: connected.transpose()?,
        })
    }
}

fn required_enable(gl: &Element) -> Result<bool, XmlError> {
    gl.attr_yes_no("enable")?.ok_or_else(|| XmlError::missing_attr("gl", "enable"))
}

fn audio_id(element: &Element) -> Result<Option<u32>, XmlError> {
    element.child("audio").map(|a| a.require_positive("id")).transpose()
}

/// A port; 0 is as good as none.
fn port(element: &Element, name: &str, what: &str) -> Result<Option<i32>, XmlError> {
    let Some(text) = element.attr(name) else { return Ok(None) };
    match text.parse() {
        Ok(0) => Ok(None),
        Ok(port) => Ok(Some(port)),
        Err(_) => Err(XmlError::internal(format!("cannot parse {what} {text}"))),
    }
}
