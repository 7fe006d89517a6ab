//! Devices of a running guest, as far as clients use them: consoles and channels as streams.

use protocol::consts::{DomainChannelFlags, DomainConsoleFlags};
use protocol::procedure::StreamDirection;
use protocol::remote::*;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::console;
use crate::driver::check_flags;
use crate::service::Virtqemud;

impl DomainDevices<Call> for Virtqemud {
    async fn domain_open_console(&self, call: &Call, args: DomainOpenConsoleArgs) -> Result<(), Fault> {
        let flags = check_flags("virDomainOpenConsole", args.flags, DomainConsoleFlags::all())?;
        if flags.contains(DomainConsoleFlags::SAFE) {
            let detail = "this daemon does not lock terminals against programs beside it";
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::ARGUMENT_UNSUPPORTED, detail));
        }
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        let target = console::find_console(&live.definition, args.dev_name.as_deref())?;
        let stream = call.open_stream(StreamDirection::Both)?;
        console::attach(live, target, stream, flags.contains(DomainConsoleFlags::FORCE)).await
    }

    async fn domain_open_channel(&self, call: &Call, args: DomainOpenChannelArgs) -> Result<(), Fault> {
        let flags = check_flags("virDomainOpenChannel", args.flags, DomainChannelFlags::FORCE)?;
        let view = self.driver.view(&args.dom)?;
        let live = view.active()?;
        let target = console::find_channel(&live.definition, args.name.as_deref())?;
        let stream = call.open_stream(StreamDirection::Both)?;
        console::attach(live, target, stream, flags.contains(DomainChannelFlags::FORCE)).await
    }
}
