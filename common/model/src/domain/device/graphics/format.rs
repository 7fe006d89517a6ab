//! Writing `<graphics>`.

use super::{
    DbusGraphics, Graphics, GraphicsAuth, GraphicsKind, Listen, RdpGraphics, SdlGraphics, SpiceGraphics,
    VncGraphics,
};
use crate::domain::FormatOptions;
use crate::xml::Writer;

/// Writes one display.
pub(super) fn format(graphics: &Graphics, w: &mut Writer, options: &FormatOptions) {
    let first = graphics.listens.first();
    w.start("graphics").attr("type", graphics.kind.kind());
    match &graphics.kind {
        GraphicsKind::Sdl(sdl) => sdl.format_attrs(w),
        GraphicsKind::Vnc(vnc) => vnc.format_attrs(w, first, options),
        GraphicsKind::Rdp(rdp) => rdp.format_attrs(w, first, options),
        GraphicsKind::Desktop { display, fullscreen } => {
            w.attr_opt("display", display.as_ref()).attr_yes_no("fullscreen", fullscreen.filter(|f| *f));
        }
        GraphicsKind::Spice(spice) => spice.format_attrs(w, first, options),
        GraphicsKind::EglHeadless { .. } => {}
        GraphicsKind::Dbus(dbus) => dbus.format_attrs(w, options),
    }
    for listen in &graphics.listens {
        if !(options.migratable && unknown_to_older_hosts(&graphics.kind, listen)) {
            listen.format(w, options);
        }
    }
    format_children(&graphics.kind, w);
    graphics.info.format(w, options);
    w.end();
}

/// These say with attributes what newer hosts say with `<listen>`.
fn unknown_to_older_hosts(kind: &GraphicsKind, listen: &Listen) -> bool {
    matches!(
        (kind, listen),
        (GraphicsKind::Spice(_), Listen::None)
            | (GraphicsKind::Vnc(_), Listen::Socket { socket: Some(_), .. })
    )
}

fn format_children(kind: &GraphicsKind, w: &mut Writer) {
    match kind {
        GraphicsKind::Sdl(sdl) => {
            w.start("gl").attr_yes_no("enable", sdl.gl).end_or_drop();
        }
        GraphicsKind::Vnc(vnc) => audio(w, vnc.audio_id),
        GraphicsKind::Spice(spice) => spice.format_children(w),
        GraphicsKind::EglHeadless { rendernode } => {
            w.start("gl").attr_opt("rendernode", rendernode.as_ref()).end_or_drop();
        }
        GraphicsKind::Dbus(dbus) => {
            w.start("gl")
                .attr_yes_no("enable", dbus.gl)
                .attr_opt("rendernode", dbus.rendernode.as_ref())
                .end_or_drop();
            audio(w, dbus.audio_id);
        }
        GraphicsKind::Rdp(_) | GraphicsKind::Desktop { .. } => {}
    }
}

fn audio(w: &mut Writer, id: Option<u32>) {
    if let Some(id) = id {
        w.start("audio").attr("id", id).end();
    }
}

impl SdlGraphics {
    fn format_attrs(&self, w: &mut Writer) {
        w.attr_opt("display", self.display.as_ref())
            .attr_opt("xauth", self.xauth.as_ref())
            .attr_yes_no("fullscreen", self.fullscreen.filter(|f| *f));
    }
}

impl VncGraphics {
    fn format_attrs(&self, w: &mut Writer, first: Option<&Listen>, options: &FormatOptions) {
        match first {
            Some(listen @ Listen::Socket { .. }) => _ = w.attr_opt("socket", listen.socket_path(options)),
            Some(listen @ (Listen::Address { .. } | Listen::Network { .. })) => {
                let hidden = options.inactive && self.autoport;
                match self.port.filter(|_| !hidden) {
                    Some(port) => _ = w.attr("port", port),
                    None if self.autoport => _ = w.attr("port", -1),
                    None => {}
                }
                w.attr_yes_no("autoport", Some(self.autoport));
                let hidden = self.websocket_generated && options.inactive;
                w.attr_opt("websocket", if hidden { Some(-1) } else { self.websocket });
                if options.status {
                    w.attr_yes_no("websocketGenerated", Some(self.websocket_generated));
                }
                listen.format_attrs(w, options);
            }
            Some(Listen::None) | None => {}
        }
        w.attr_opt("keymap", self.keymap.as_ref())
            .attr_opt("sharePolicy", self.share_policy)
            .attr_yes_no("powerControl", self.power_control);
        self.auth.format_attrs(w, options);
    }
}

impl RdpGraphics {
    fn format_attrs(&self, w: &mut Writer, first: Option<&Listen>, options: &FormatOptions) {
        match self.port.filter(|_| !(self.autoport && options.inactive)) {
            Some(port) => _ = w.attr("port", port),
            // Left out, it would be read as `autoport`.
            None => _ = w.attr("port", 0),
        }
        w.attr_yes_no("autoport", Some(true).filter(|_| self.autoport))
            .attr_yes_no("replaceUser", self.replace_user.filter(|v| *v))
            .attr_yes_no("multiUser", self.multi_user.filter(|v| *v));
        if let Some(listen) = first {
            listen.format_attrs(w, options);
        }
    }
}

impl SpiceGraphics {
    fn format_attrs(&self, w: &mut Writer, first: Option<&Listen>, options: &FormatOptions) {
        match first {
            Some(listen @ (Listen::Address { .. } | Listen::Network { .. })) => {
                let hidden = options.inactive && self.autoport;
                w.attr_opt("port", self.port.filter(|_| !hidden))
                    .attr_opt("tlsPort", self.tls_port.filter(|_| !hidden))
                    .attr_yes_no("autoport", Some(self.autoport));
                listen.format_attrs(w, options);
            }
            Some(Listen::None) if options.migratable => {
                // Older hosts want to see that there is no port to choose.
                w.attr_yes_no("autoport", Some(false));
            }
            Some(Listen::Socket { .. } | Listen::None) | None => {}
        }
        w.attr_opt("keymap", self.keymap.as_ref()).attr_opt("defaultMode", self.default_mode);
        self.auth.format_attrs(w, options);
    }

    fn format_children(&self, w: &mut Writer) {
        for (name, mode) in &self.channels {
            w.start("channel").attr("name", name).attr("mode", mode).end();
        }
        w.start("image").attr_opt("compression", self.image_compression).end_or_drop();
        w.start("jpeg").attr_opt("compression", self.jpeg_compression).end_or_drop();
        w.start("zlib").attr_opt("compression", self.zlib_compression).end_or_drop();
        w.start("playback").attr_on_off("compression", self.playback_compression).end_or_drop();
        w.start("streaming").attr_opt("mode", self.streaming).end_or_drop();
        w.start("mouse").attr_opt("mode", self.mouse).end_or_drop();
        w.start("clipboard").attr_yes_no("copypaste", self.clipboard_copypaste).end_or_drop();
        w.start("filetransfer").attr_yes_no("enable", self.filetransfer).end_or_drop();
        w.start("gl")
            .attr_yes_no("enable", self.gl)
            .attr_opt("rendernode", self.rendernode.as_ref())
            .end_or_drop();
    }
}

impl DbusGraphics {
    fn format_attrs(&self, w: &mut Writer, options: &FormatOptions) {
        w.attr_yes_no("p2p", self.p2p);
        w.attr_opt("address", self.address.as_ref().filter(|_| !(options.inactive && self.from_config)));
        if options.status && self.from_config {
            w.attr("fromConfig", "yes");
        }
    }
}

impl GraphicsAuth {
    fn format_attrs(&self, w: &mut Writer, options: &FormatOptions) {
        let Some(passwd) = &self.passwd else { return };
        w.attr_opt("passwd", Some(passwd).filter(|_| options.secure))
            .attr_opt("passwdValidTo", self.valid_to.map(super::time::format))
            .attr_opt("connected", self.connected);
    }
}
