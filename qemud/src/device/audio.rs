//! Sound back ends.

use model::Token;
use model::domain::device::audio::{Audio, AudioBackend, AudioDirection, SdlAudioDriver};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::defaults::DefaultsError;

impl QemuDevice for Audio {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        match &self.backend {
            AudioBackend::Spice if !crate::defaults::has_spice(check.domain) => {
                Err(DefaultsError::unsupported("Spice audio is not supported without spice graphics"))
            }
            _ => Ok(()),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let props = Props::new()
            .str("id", &format!("audio{}", self.id))
            .str("driver", driver(&self.backend))
            .opt("timer-period", self.timer_period);
        let props = match &self.backend {
            AudioBackend::Oss { try_mmap, exclusive, dsp_policy } => {
                props.opt("try-mmap", *try_mmap).opt("exclusive", *exclusive).opt("dsp-policy", *dsp_policy)
            }
            AudioBackend::PulseAudio { server_name } => props.opt_str("server", server_name.as_deref()),
            AudioBackend::File { path } => props.opt_str("path", path.as_deref()),
            _ => props,
        };
        let props = props
            .nest_some("in", direction(&self.input, &self.backend))
            .nest_some("out", direction(&self.output, &self.backend));
        build.plan.option("-audiodev", props.to_json());
        if let AudioBackend::Sdl { driver: Some(driver) } = &self.backend {
            build.plan.env.push(("SDL_AUDIODRIVER".to_owned(), sdl_driver(*driver).to_owned()));
        }
        Ok(())
    }
}

fn driver(backend: &AudioBackend) -> &'static str {
    match backend {
        AudioBackend::None => "none",
        AudioBackend::Alsa => "alsa",
        AudioBackend::CoreAudio => "coreaudio",
        AudioBackend::Jack => "jack",
        AudioBackend::Oss { .. } => "oss",
        AudioBackend::PulseAudio { .. } => "pa",
        AudioBackend::Sdl { .. } => "sdl",
        AudioBackend::Spice => "spice",
        AudioBackend::File { .. } => "wav",
        AudioBackend::Dbus => "dbus",
    }
}

fn sdl_driver(driver: SdlAudioDriver) -> &'static str {
    driver.as_str()
}

fn direction(settings: &AudioDirection, backend: &AudioBackend) -> Props {
    let props = Props::new()
        .opt("mixing-engine", settings.mixing_engine)
        .opt("fixed-settings", settings.fixed_settings)
        .opt("voices", settings.voices)
        .opt("buffer-length", settings.buffer_length)
        .opt("frequency", settings.frequency)
        .opt("channels", settings.channels)
        .opt_str("format", settings.format.map(Token::as_str));
    match backend {
        AudioBackend::Alsa => props.opt_str("dev", settings.dev.as_deref()),
        AudioBackend::CoreAudio | AudioBackend::Sdl { .. } => {
            props.opt("buffer-count", settings.buffer_count)
        }
        AudioBackend::Jack => props
            .opt_str("server-name", settings.server_name.as_deref())
            .opt_str("client-name", settings.client_name.as_deref())
            .opt_str("connect-ports", settings.connect_ports.as_deref())
            .opt("exact-name", settings.exact_name),
        AudioBackend::Oss { .. } => props
            .opt_str("dev", settings.dev.as_deref())
            .opt("buffer-count", settings.buffer_count)
            .opt("try-poll", settings.try_poll),
        AudioBackend::PulseAudio { .. } => props
            .opt_str("name", settings.name.as_deref())
            .opt_str("stream-name", settings.stream_name.as_deref())
            .opt("latency", settings.latency),
        AudioBackend::None | AudioBackend::Spice | AudioBackend::File { .. } | AudioBackend::Dbus => props,
    }
}
