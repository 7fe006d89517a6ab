//! Devices of a running guest, as far as clients use them: consoles and channels as streams, keys, screens, displays.

use ::driver::room;
use protocol::consts::{
    DomainChannelFlags, DomainConsoleFlags, DomainModificationImpact as Affect, TypedParameterFlags,
};
use protocol::limits::DOMAIN_INTERFACE_PARAMETERS_MAX;
use protocol::procedure::StreamDirection;
use protocol::remote::*;
use protocol::xdr::List;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use super::interfaces;
use crate::confine::seclabel;
use crate::console::{self, Terminals};
use crate::domain::Live;
use crate::driver::{check_flags, no_flags};
use crate::guest::{graphics, keys, screenshot};
use crate::impact;
use crate::service::Virtqemud;

impl DomainDevices<Call> for Virtqemud {
    async fn domain_get_launch_security_info(
        &self,
        _call: &Call,
        args: DomainGetLaunchSecurityInfoArgs,
    ) -> Result<DomainGetLaunchSecurityInfoRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        // A guest without it has nothing to tell, whatever the flags are.
        if view.definition()?.launch_security.is_some() {
            check_flags(
                "virDomainGetLaunchSecurityInfo",
                args.flags,
                TypedParameterFlags::PARAM_STRING_OKAY,
            )?;
            let detail = "the measurement of a guest with launch security cannot be asked for yet";
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_UNSUPPORTED, detail));
        }
        Ok(DomainGetLaunchSecurityInfoRet { params: Vec::new().into() })
    }

    async fn domain_open_console(&self, call: &Call, args: DomainOpenConsoleArgs) -> Result<(), Fault> {
        let flags = check_flags("virDomainOpenConsole", args.flags, DomainConsoleFlags::all())?;
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        let target = console::find_console(&live.definition, args.dev_name.as_deref())?;
        let stream = call.open_stream(StreamDirection::Both)?;
        let locks = self.driver.paths.lock_dir();
        let terminals = Terminals { locks: &locks, safe: flags.contains(DomainConsoleFlags::SAFE) };
        console::attach(live, target, stream, flags.contains(DomainConsoleFlags::FORCE), terminals).await
    }

    async fn domain_open_channel(&self, call: &Call, args: DomainOpenChannelArgs) -> Result<(), Fault> {
        let flags = check_flags("virDomainOpenChannel", args.flags, DomainChannelFlags::FORCE)?;
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        let target = console::find_channel(&live.definition, args.name.as_deref())?;
        let stream = call.open_stream(StreamDirection::Both)?;
        let locks = self.driver.paths.lock_dir();
        let terminals = Terminals { locks: &locks, safe: false };
        console::attach(live, target, stream, flags.contains(DomainChannelFlags::FORCE), terminals).await
    }

    async fn domain_get_interface_parameters(
        &self,
        _call: &Call,
        args: DomainGetInterfaceParametersArgs,
    ) -> Result<DomainGetInterfaceParametersRet, Fault> {
        let known = Affect::all().bits() | TypedParameterFlags::PARAM_STRING_OKAY.bits();
        let flags =
            check_flags("virDomainGetInterfaceParameters", args.flags, Affect::from_bits_retain(known))?;
        let room = room::of_figures(args.nparams, DOMAIN_INTERFACE_PARAMETERS_MAX, "nparams")?;
        let view = self.driver.view(&args.dom)?;
        let definition = impact::one(&view, flags & Affect::all())?;
        let mut params = interfaces::parameters(definition, &args.device)?;
        // Without room the client asks how much it needs.
        params.truncate(room);
        Ok(DomainGetInterfaceParametersRet { params: params.into(), nparams: interfaces::PARAMETERS })
    }

    async fn domain_set_interface_parameters(
        &self,
        _call: &Call,
        args: DomainSetInterfaceParametersArgs,
    ) -> Result<(), Fault> {
        let flags = check_flags("virDomainSetInterfaceParameters", args.flags, Affect::all())?;
        let domain = self.driver.domain(&args.dom)?;
        let view = domain.view();
        let targets = impact::targets(&domain.lock(), flags)?;
        for definition in impact::definitions(&view, targets) {
            interfaces::refuse_limits(definition, &args.device)?;
        }
        // Changing what a guest may send is not built yet.
        Err(Fault::unsupported(ErrorDomain::QEMU, "virDomainSetInterfaceParameters"))
    }

    async fn domain_interface_addresses(
        &self,
        _call: &Call,
        args: DomainInterfaceAddressesArgs,
    ) -> Result<DomainInterfaceAddressesRet, Fault> {
        no_flags("virDomainInterfaceAddresses", args.flags)?;
        let view = self.driver.view(&args.dom)?;
        let ifaces = interfaces::addresses(&view, args.source).await?;
        Ok(DomainInterfaceAddressesRet { ifaces: ifaces.into() })
    }

    async fn domain_get_security_label(
        &self,
        _call: &Call,
        args: DomainGetSecurityLabelArgs,
    ) -> Result<DomainGetSecurityLabelRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        let first = self.driver.capabilities.secmodels().into_iter().next();
        let live = view.live.as_ref().zip(first);
        Ok(match live {
            Some((live, first)) => self.label_of(live, &first.model),
            None => label(""),
        })
    }

    async fn domain_get_security_label_list(
        &self,
        _call: &Call,
        args: DomainGetSecurityLabelListArgs,
    ) -> Result<DomainGetSecurityLabelListRet, Fault> {
        let view = self.driver.view(&args.dom)?;
        let models = if view.live.is_some() { self.driver.capabilities.secmodels() } else { Vec::new() };
        let labelled = models.iter().zip(view.live.iter().cycle());
        let labels: Vec<_> = labelled.map(|(model, live)| self.label_of(live, &model.model)).collect();
        let ret = labels.len() as i32;
        Ok(DomainGetSecurityLabelListRet { labels: labels.into(), ret })
    }

    async fn domain_inject_nmi(&self, _call: &Call, args: DomainInjectNmiArgs) -> Result<(), Fault> {
        keys::inject_nmi(&self.driver, args).await
    }

    async fn domain_screenshot(
        &self,
        call: &Call,
        args: DomainScreenshotArgs,
    ) -> Result<DomainScreenshotRet, Fault> {
        screenshot::take(&self.driver, call, args).await
    }

    async fn domain_send_key(&self, _call: &Call, args: DomainSendKeyArgs) -> Result<(), Fault> {
        keys::send(&self.driver, args).await
    }

    async fn domain_open_graphics(&self, call: &Call, args: DomainOpenGraphicsArgs) -> Result<(), Fault> {
        let wish = graphics::Wish { dom: args.dom, index: args.idx, flags: args.flags };
        graphics::open(&self.driver, wish, call.take_fds()).await
    }

    async fn domain_open_graphics_fd(
        &self,
        call: &Call,
        args: DomainOpenGraphicsFdArgs,
    ) -> Result<(), Fault> {
        let wish = graphics::Wish { dom: args.dom, index: args.idx, flags: args.flags };
        let client = graphics::open_fd(&self.driver, wish).await?;
        call.reply_fds(vec![client]);
        Ok(())
    }

    async fn domain_graphics_reload(
        &self,
        _call: &Call,
        args: DomainGraphicsReloadArgs,
    ) -> Result<(), Fault> {
        graphics::reload(&self.driver, args).await
    }
}

impl Virtqemud {
    /// The label that the guest's process has of one of the host's security drivers.
    fn label_of(&self, live: &Live, model: &str) -> DomainGetSecurityLabelRet {
        label(&seclabel::process_label(&live.definition, model, &self.driver.config.confinement))
    }
}

/// A label on the wire, with the NUL that clients expect; owners are always enforced, and never told to be.
fn label(text: &str) -> DomainGetSecurityLabelRet {
    let bytes = [text.as_bytes(), b"\0"].concat();
    DomainGetSecurityLabelRet { label: List::from_bytes(&bytes), enforcing: 0 }
}
