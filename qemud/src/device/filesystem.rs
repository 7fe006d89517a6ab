//! Directories of the host shown to the guest: 9p and virtiofs.

use model::Token;
use model::domain::device::filesystem::{
    Filesystem, FilesystemAccessMode, FilesystemDriverType, FilesystemModel, FilesystemSource,
};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::options::Mode;
use crate::command::props::Props;
use crate::command::quote::commas;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

impl QemuDevice for Filesystem {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        let FilesystemSource::Mount { .. } = self.source else {
            return Err(DefaultsError::unsupported("only supports mount filesystem type"));
        };
        match self.driver.kind {
            Some(FilesystemDriverType::Virtiofs) => virtiofs_rules(self, check),
            None | Some(FilesystemDriverType::Path | FilesystemDriverType::Handle) => Ok(()),
            Some(other) => {
                let name = other.as_str();
                Err(DefaultsError::unsupported(format!("Filesystem driver type not supported: {name}")))
            }
        }
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        Some(board.virtio(self.model == Some(FilesystemModel::VirtioTransitional)))
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let FilesystemSource::Mount { dir, socket } = &self.source else {
            return Err(PlanError::unsupported("only supports mount filesystem type"));
        };
        if self.driver.kind == Some(FilesystemDriverType::Virtiofs) {
            return virtiofs(self, &alias, socket.as_deref(), build);
        }
        let dir = dir.as_deref().unwrap_or("");
        build.plan.option("-fsdev", fsdev(self, &alias, dir));
        let driver = virtio_driver("virtio-9p", self.model.map(Token::as_str), &self.info)?;
        let props = virtio_options(Props::device(&driver), &self.driver.virtio)
            .str("id", &alias)
            .str("fsdev", &format!("fsdev-{alias}"))
            .str("mount_tag", &self.target);
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}

fn virtiofs_rules(fs: &Filesystem, check: &Check<'_>) -> Result<(), DefaultsError> {
    if fs.readonly {
        return Err(DefaultsError::unsupported("virtiofs does not yet support read-only mode"));
    }
    if !crate::defaults::memory_is_shared(check.domain) {
        return Err(DefaultsError::unsupported("'virtiofs' requires shared memory"));
    }
    Ok(())
}

fn fsdev(fs: &Filesystem, alias: &str, dir: &str) -> String {
    let model = match fs.access_mode {
        FilesystemAccessMode::Mapped => "mapped",
        FilesystemAccessMode::Squash => "none",
        FilesystemAccessMode::Passthrough | FilesystemAccessMode::Default => "passthrough",
    };
    let mut text = match fs.driver.kind {
        Some(FilesystemDriverType::Handle) => "handle".to_owned(),
        _ => format!("local,security_model={model}"),
    };
    if let Some(multidevs) = fs.multidevs {
        text.push_str(&format!(",multidevs={}", multidevs.as_str()));
    }
    if let Some(mode) = fs.fmode {
        text.push_str(&format!(",fmode={mode:04o}"));
    }
    if let Some(mode) = fs.dmode {
        text.push_str(&format!(",dmode={mode:04o}"));
    }
    if let Some(policy) = fs.driver.wrpolicy {
        text.push_str(&format!(",writeout={}", policy.as_str()));
    }
    text.push_str(&format!(",id=fsdev-{alias},path={}", commas(dir)));
    if fs.readonly {
        text.push_str(",readonly");
    }
    text
}

fn virtiofs(
    fs: &Filesystem,
    alias: &str,
    socket: Option<&str>,
    build: &mut Build<'_>,
) -> Result<(), PlanError> {
    let path = match socket {
        Some(path) => path.to_owned(),
        None if build.options.mode == Mode::Start => {
            return Err(PlanError::unsupported(
                "virtiofsd cannot be started yet; give the socket of a running one",
            ));
        }
        None => format!("{}/{alias}-fs.sock", build.options.domain_dir(build.domain)),
    };
    let id = format!("chr-vu-{alias}");
    build.plan.option("-chardev", format!("socket,id={id},path={}", commas(&path)));
    let props = virtio_options(Props::device("vhost-user-fs-pci"), &fs.driver.virtio)
        .str("id", alias)
        .str("chardev", &id)
        .opt("queue-size", fs.driver.queue)
        .str("tag", &fs.target)
        .opt("bootindex", build.boot_index(&fs.info));
    let props = build.place(props, &fs.info)?;
    build.device(props)
}
