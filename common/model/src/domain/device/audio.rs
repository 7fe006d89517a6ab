//! `<audio>`: where sound goes on the host.

use super::DeviceXml;
use crate::Rare;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A sound back end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audio {
    /// Number, from 1.
    pub id: u32,
    /// Microseconds between two looks at the hardware.
    pub timer_period: Option<u32>,
    /// Which, with what only that one has.
    pub backend: AudioBackend,
    /// Recording.
    pub input: Rare<AudioDirection>,
    /// Playing.
    pub output: Rare<AudioDirection>,
}

/// Kind of a sound back end, with the attributes of `<audio>` that only it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AudioBackend {
    /// `none`
    None,
    /// `alsa`
    Alsa,
    /// `coreaudio`
    CoreAudio,
    /// `jack`
    Jack,
    /// `oss`
    Oss {
        /// Map buffers into memory.
        try_mmap: Option<bool>,
        /// Open exclusively.
        exclusive: Option<bool>,
        /// Timing policy of the driver.
        dsp_policy: Option<u32>,
    },
    /// `pulseaudio`
    PulseAudio {
        /// Server.
        server_name: Option<String>,
    },
    /// `sdl`
    Sdl {
        /// SDL's driver.
        driver: Option<SdlAudioDriver>,
    },
    /// `spice`
    Spice,
    /// `file`
    File {
        /// Path of the recording.
        path: Option<String>,
    },
    /// `dbus`
    Dbus,
}

/// `<input>` or `<output>`: the first six for every back end, the rest as the back end has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AudioDirection {
    /// Whether QEMU mixes.
    pub mixing_engine: Option<bool>,
    /// Whether the host uses the settings below, whatever the guest does.
    pub fixed_settings: Option<bool>,
    /// Number of streams.
    pub voices: Option<u32>,
    /// Buffer in microseconds.
    pub buffer_length: Option<u32>,
    /// Sampling rate in hertz.
    pub frequency: Option<u32>,
    /// Channels.
    pub channels: Option<u32>,
    /// Sample format.
    pub format: Option<AudioFormat>,
    /// alsa, oss: device.
    pub dev: Option<String>,
    /// coreaudio, oss, sdl: number of buffers.
    pub buffer_count: Option<u32>,
    /// oss: poll for readiness.
    pub try_poll: Option<bool>,
    /// jack: server.
    pub server_name: Option<String>,
    /// jack: our name.
    pub client_name: Option<String>,
    /// jack: pattern of ports to connect to.
    pub connect_ports: Option<String>,
    /// jack: insist on the name.
    pub exact_name: Option<bool>,
    /// pulseaudio: sink or source.
    pub name: Option<String>,
    /// pulseaudio: name of the stream.
    pub stream_name: Option<String>,
    /// pulseaudio: latency in microseconds.
    pub latency: Option<u32>,
}

tokens! {
    /// `type=`
    pub enum AudioType {
        None = "none", Alsa = "alsa", CoreAudio = "coreaudio", Jack = "jack", Oss = "oss",
        PulseAudio = "pulseaudio", Sdl = "sdl", Spice = "spice", File = "file", Dbus = "dbus",
    }

    /// `<settings format=>`
    pub enum AudioFormat {
        U8 = "u8", S8 = "s8", U16 = "u16", S16 = "s16", U32 = "u32", S32 = "s32", F32 = "f32",
    }

    /// `driver=` of SDL.
    pub enum SdlAudioDriver { Esd = "esd", Alsa = "alsa", Arts = "arts", PulseAudio = "pulseaudio" }
}

impl DeviceXml for Audio {
    const ELEMENT: &'static str = "audio";

    fn parse(element: &Element, _: &ParseOptions) -> Result<Self, XmlError> {
        let id = element.require_positive("id")?;
        let kind: AudioType = element.require_token("type")?;
        let direction = |name| match element.child(name) {
            Some(e) => AudioDirection::parse(e, kind),
            None => Ok(AudioDirection::default()),
        };
        Ok(Self {
            id,
            timer_period: element.attr_positive("timerPeriod")?,
            backend: AudioBackend::parse(element, kind)?,
            input: direction("input")?.into(),
            output: direction("output")?.into(),
        })
    }

    fn format(&self, w: &mut Writer, _: &FormatOptions) {
        w.start("audio")
            .attr("id", self.id)
            .attr("type", self.backend.kind())
            .attr_opt("timerPeriod", self.timer_period);
        self.backend.format_attrs(w);
        self.input.format(w, "input");
        self.output.format(w, "output");
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        self.input.validate()?;
        self.output.validate()
    }
}

impl AudioBackend {
    /// The word for it.
    pub fn kind(&self) -> AudioType {
        match self {
            Self::None => AudioType::None,
            Self::Alsa => AudioType::Alsa,
            Self::CoreAudio => AudioType::CoreAudio,
            Self::Jack => AudioType::Jack,
            Self::Oss { .. } => AudioType::Oss,
            Self::PulseAudio { .. } => AudioType::PulseAudio,
            Self::Sdl { .. } => AudioType::Sdl,
            Self::Spice => AudioType::Spice,
            Self::File { .. } => AudioType::File,
            Self::Dbus => AudioType::Dbus,
        }
    }

    fn parse(element: &Element, kind: AudioType) -> Result<Self, XmlError> {
        Ok(match kind {
            AudioType::None => Self::None,
            AudioType::Alsa => Self::Alsa,
            AudioType::CoreAudio => Self::CoreAudio,
            AudioType::Jack => Self::Jack,
            AudioType::Oss => Self::Oss {
                try_mmap: element.attr_yes_no("tryMMap")?,
                exclusive: element.attr_yes_no("exclusive")?,
                dsp_policy: element.attr("dspPolicy").map(dsp_policy).transpose()?,
            },
            AudioType::PulseAudio => Self::PulseAudio { server_name: element.attr_string("serverName") },
            AudioType::Sdl => Self::Sdl { driver: element.attr_token("driver")? },
            AudioType::Spice => Self::Spice,
            AudioType::File => Self::File { path: element.attr_string("path") },
            AudioType::Dbus => Self::Dbus,
        })
    }

    fn format_attrs(&self, w: &mut Writer) {
        match self {
            Self::Oss { try_mmap, exclusive, dsp_policy } => {
                w.attr_yes_no("tryMMap", *try_mmap)
                    .attr_yes_no("exclusive", *exclusive)
                    .attr_opt("dspPolicy", *dsp_policy);
            }
            Self::PulseAudio { server_name } => _ = w.attr_opt("serverName", server_name.as_ref()),
            Self::Sdl { driver } => _ = w.attr_opt("driver", *driver),
            Self::File { path } => _ = w.attr_opt("path", path.as_ref()),
            Self::None | Self::Alsa | Self::CoreAudio | Self::Jack | Self::Spice | Self::Dbus => {}
        }
    }
}

impl AudioDirection {
    fn parse(element: &Element, kind: AudioType) -> Result<Self, XmlError> {
        let mixing_engine = element.attr_yes_no("mixingEngine")?;
        let fixed_settings = element.attr_yes_no("fixedSettings")?;
        if fixed_settings == Some(true) && mixing_engine != Some(true) {
            return Err(XmlError::unsupported("fixed audio settings requires mixing engine"));
        }
        let mut direction = Self {
            mixing_engine,
            fixed_settings,
            voices: element.attr_positive("voices")?,
            buffer_length: element.attr_positive("bufferLength")?,
            ..Self::default()
        };
        if let Some(settings) = element.child("settings") {
            direction.frequency = settings.attr_positive("frequency")?;
            direction.channels = settings.attr_positive("channels")?;
            direction.format = settings.attr_token("format")?;
        }
        direction.parse_own(element, kind)?;
        Ok(direction)
    }

    /// Reads what only this back end has.
    fn parse_own(&mut self, element: &Element, kind: AudioType) -> Result<(), XmlError> {
        match kind {
            AudioType::Alsa => self.dev = element.attr_string("dev"),
            AudioType::CoreAudio | AudioType::Sdl => {
                self.buffer_count = element.attr_num("bufferCount")?.filter(|n| *n > 0);
            }
            AudioType::Jack => {
                self.server_name = element.attr_string("serverName");
                self.client_name = element.attr_string("clientName");
                self.connect_ports = element.attr_string("connectPorts");
                self.exact_name = element.attr_yes_no("exactName")?;
            }
            AudioType::Oss => {
                self.dev = element.attr_string("dev");
                self.buffer_count = element.attr_num("bufferCount")?.filter(|n| *n > 0);
                self.try_poll = element.attr_yes_no("tryPoll")?;
            }
            AudioType::PulseAudio => {
                self.name = element.attr_string("name");
                self.stream_name = element.attr_string("streamName");
                self.latency = element.attr_num("latency")?.filter(|n| *n > 0);
            }
            AudioType::None | AudioType::Spice | AudioType::File | AudioType::Dbus => {}
        }
        Ok(())
    }

    fn validate(&self) -> Result<(), XmlError> {
        let fixed = self.fixed_settings == Some(true);
        let settings = self.frequency.is_some() || self.channels.is_some() || self.format.is_some();
        if settings && !fixed {
            return Err(XmlError::unsupported("audio settings specified without fixed settings flag"));
        }
        Ok(())
    }

    fn format(&self, w: &mut Writer, name: &str) {
        w.start(name)
            .attr_yes_no("mixingEngine", self.mixing_engine)
            .attr_yes_no("fixedSettings", self.fixed_settings)
            .attr_opt("voices", self.voices)
            .attr_opt("bufferLength", self.buffer_length)
            .attr_opt("dev", self.dev.as_ref())
            .attr_opt("bufferCount", self.buffer_count)
            .attr_yes_no("tryPoll", self.try_poll)
            .attr_opt("serverName", self.server_name.as_ref())
            .attr_opt("clientName", self.client_name.as_ref())
            .attr_opt("connectPorts", self.connect_ports.as_ref())
            .attr_yes_no("exactName", self.exact_name)
            .attr_opt("name", self.name.as_ref())
            .attr_opt("streamName", self.stream_name.as_ref())
            .attr_opt("latency", self.latency);
        w.start("settings")
            .attr_opt("frequency", self.frequency)
            .attr_opt("channels", self.channels)
            .attr_opt("format", self.format);
        if self.fixed_settings == Some(true) {
            w.end();
        } else {
            w.end_or_drop();
        }
        w.end_or_drop();
    }
}

fn dsp_policy(text: &str) -> Result<u32, XmlError> {
    text.parse().map_err(|_| XmlError::xml(format!("cannot parse 'dspPolicy' value '{text}'")))
}
