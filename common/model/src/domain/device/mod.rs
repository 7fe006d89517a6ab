//! Devices of a guest: one module per kind holds all the XML knowledge of it.

pub mod address;
pub mod audio;
pub mod chardev;
pub mod controller;
pub mod disk;
pub mod filesystem;
pub mod graphics;
pub mod hostdev;
pub mod hub;
pub mod info;
pub mod input;
pub mod interface;
pub mod iommu;
pub mod lease;
pub mod memballoon;
pub mod memory;
pub mod nvram;
pub mod order;
pub mod panic;
pub mod redirdev;
pub mod rng;
pub mod shmem;
pub mod smartcard;
pub mod sound;
pub mod tpm;
pub mod video;
pub mod vsock;
pub mod watchdog;
mod words;

#[cfg(test)]
mod tests;

use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};
use info::DeviceInfo;

pub use order::insert;

/// What every kind of device offers.
pub trait DeviceXml: Sized {
    /// Name of the element below `<devices>`.
    const ELEMENT: &'static str;

    /// Reads the element.
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError>;

    /// Writes the element.
    fn format(&self, w: &mut Writer, options: &FormatOptions);

    /// Rules that hold for this device whatever the driver; those between devices are the domain's.
    fn validate(&self) -> Result<(), XmlError> {
        Ok(())
    }

    /// Alias, address, boot order; none for the kinds that are no devices of the guest.
    fn info(&self) -> Option<&DeviceInfo> {
        None
    }

    /// As [`DeviceXml::info`], to change it.
    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        None
    }
}

/// Makes `Device` from the list of kinds: the enumeration, the parser's table and the calls that go to the kind.
/// The order of the list is the order in which the reference writes the kinds.
macro_rules! devices {
    ($($(#[$doc:meta])* $kind:ident($type:ty)),+ $(,)?) => {
        /// A device of any kind.
        #[derive(Clone, Debug, PartialEq, Eq)]
        ///
        /// Boxed: kinds differ in size by a factor of ten, and a definition holds a dozen devices.
        pub enum Device { $($(#[$doc])* $kind(Box<$type>),)+ }

        impl Device {
            /// The elements that are devices, in the order of output.
            pub const ELEMENTS: &'static [&'static str] = &[$(<$type>::ELEMENT),+];

            /// Reads one element below `<devices>`. None: no kind of device, to be passed over.
            pub fn parse(element: &Element, options: &ParseOptions) -> Result<Option<Self>, XmlError> {
                if element.namespace.is_some() {
                    return Ok(None);
                }
                $(if element.name == <$type>::ELEMENT {
                    return <$type>::parse(element, options).map(|d| Some(d.into()));
                })+
                Ok(None)
            }

            /// Writes the element.
            pub fn format(&self, w: &mut Writer, options: &FormatOptions) {
                match self { $(Self::$kind(d) => d.format(w, options),)+ }
            }

            /// Rules that hold for this device whatever the driver.
            pub fn validate(&self) -> Result<(), XmlError> {
                match self { $(Self::$kind(d) => d.validate(),)+ }
            }

            /// Name of its element.
            pub fn element(&self) -> &'static str {
                match self { $(Self::$kind(_) => <$type>::ELEMENT,)+ }
            }

            /// Alias, address, boot order.
            pub fn info(&self) -> Option<&DeviceInfo> {
                match self { $(Self::$kind(d) => d.info(),)+ }
            }

            /// Alias, address, boot order, to change them.
            pub fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
                match self { $(Self::$kind(d) => d.info_mut(),)+ }
            }

            /// Place of its kind in the order of output.
            pub fn rank(&self) -> usize {
                Self::ELEMENTS.iter().position(|e| *e == self.element()).unwrap_or(Self::ELEMENTS.len())
            }
        }

        $(impl From<$type> for Device {
            fn from(device: $type) -> Self {
                Self::$kind(Box::new(device))
            }
        })+
    };
}

devices! {
    /// `<disk>`
    Disk(disk::Disk),
    /// `<controller>`
    Controller(controller::Controller),
    /// `<lease>`
    Lease(lease::Lease),
    /// `<filesystem>`
    Filesystem(filesystem::Filesystem),
    /// `<interface>`
    Interface(interface::Interface),
    /// `<smartcard>`
    Smartcard(smartcard::Smartcard),
    /// `<serial>`
    Serial(chardev::Serial),
    /// `<parallel>`
    Parallel(chardev::Parallel),
    /// `<console>`
    Console(chardev::Console),
    /// `<channel>`
    Channel(chardev::Channel),
    /// `<input>`
    Input(input::Input),
    /// `<tpm>`
    Tpm(tpm::Tpm),
    /// `<graphics>`
    Graphics(graphics::Graphics),
    /// `<sound>`
    Sound(sound::Sound),
    /// `<audio>`
    Audio(audio::Audio),
    /// `<video>`
    Video(video::Video),
    /// `<hostdev>`
    Hostdev(hostdev::Hostdev),
    /// `<redirdev>`
    Redirdev(redirdev::Redirdev),
    /// `<redirfilter>`
    Redirfilter(redirdev::Redirfilter),
    /// `<hub>`
    Hub(hub::Hub),
    /// `<watchdog>`
    Watchdog(watchdog::Watchdog),
    /// `<memballoon>`
    Memballoon(memballoon::Memballoon),
    /// `<rng>`
    Rng(rng::Rng),
    /// `<nvram>`
    Nvram(nvram::Nvram),
    /// `<panic>`
    Panic(panic::Panic),
    /// `<shmem>`
    Shmem(shmem::Shmem),
    /// `<memory>`
    Memory(memory::Memory),
    /// `<iommu>`
    Iommu(iommu::Iommu),
    /// `<vsock>`
    Vsock(vsock::Vsock),
}
