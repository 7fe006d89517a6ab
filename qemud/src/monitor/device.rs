//! Devices, objects and descriptors added to and taken from a running QEMU.

use std::os::fd::OwnedFd;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Monitor, MonitorError};

/// A property of an object (`qom-list`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct QomProperty {
    /// Its name.
    pub name: String,
    /// Its type; children of the tree are `child<TYPE>`.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Deserialize)]
struct FdsetInfo {
    #[serde(rename = "fdset-id")]
    fdset_id: u32,
}

impl Monitor {
    /// Add a device; `properties` is an object with `driver` and `id` (`device_add`).
    pub async fn device_add(&self, properties: Value) -> Result<(), MonitorError> {
        self.order("device_add", properties).await
    }

    /// Ask the guest to give a device up; DEVICE_DELETED tells when it has (`device_del`).
    pub async fn device_del(&self, id: &str) -> Result<(), MonitorError> {
        self.order("device_del", json!({"id": id})).await
    }

    /// Add an object; `properties` has `qom-type` and `id` (`object-add`).
    pub async fn object_add(&self, properties: Value) -> Result<(), MonitorError> {
        self.order("object-add", properties).await
    }

    /// Remove an object (`object-del`).
    pub async fn object_del(&self, id: &str) -> Result<(), MonitorError> {
        self.order("object-del", json!({"id": id})).await
    }

    /// Add a block node (`blockdev-add`).
    pub async fn blockdev_add(&self, node: Value) -> Result<(), MonitorError> {
        self.order("blockdev-add", node).await
    }

    /// Remove a block node (`blockdev-del`).
    pub async fn blockdev_del(&self, node_name: &str) -> Result<(), MonitorError> {
        self.order("blockdev-del", json!({"node-name": node_name})).await
    }

    /// Add a character device; `backend` as in qapi's ChardevBackend. Answers the path of a new pty
    /// (`chardev-add`).
    pub async fn chardev_add(&self, id: &str, backend: Value) -> Result<Option<String>, MonitorError> {
        let answer = self.execute("chardev-add", json!({"id": id, "backend": backend})).await?;
        Ok(answer.get("pty").and_then(Value::as_str).map(str::to_owned))
    }

    /// Remove a character device (`chardev-remove`).
    pub async fn chardev_remove(&self, id: &str) -> Result<(), MonitorError> {
        self.order("chardev-remove", json!({"id": id})).await
    }

    /// Add a network backend; `netdev` as in qapi's Netdev (`netdev_add`).
    pub async fn netdev_add(&self, netdev: Value) -> Result<(), MonitorError> {
        self.order("netdev_add", netdev).await
    }

    /// Remove a network backend (`netdev_del`).
    pub async fn netdev_del(&self, id: &str) -> Result<(), MonitorError> {
        self.order("netdev_del", json!({"id": id})).await
    }

    /// Set the state of a device's link (`set_link`).
    pub async fn set_link(&self, name: &str, up: bool) -> Result<(), MonitorError> {
        self.order("set_link", json!({"name": name, "up": up})).await
    }

    /// Give QEMU a descriptor under a name, for a later command to take (`getfd`).
    pub async fn getfd(&self, name: &str, fd: OwnedFd) -> Result<(), MonitorError> {
        self.execute_with_fds("getfd", json!({"fdname": name}), vec![fd]).await.map(drop)
    }

    /// Take a named descriptor back that no command took (`closefd`).
    pub async fn closefd(&self, name: &str) -> Result<(), MonitorError> {
        self.order("closefd", json!({"fdname": name})).await
    }

    /// Put a descriptor into a set (a new one if `set` is `None`), to be opened as /dev/fdset/N; answers N
    /// (`add-fd`).
    pub async fn add_fd(
        &self,
        set: Option<u32>,
        opaque: Option<&str>,
        fd: OwnedFd,
    ) -> Result<u32, MonitorError> {
        let mut arguments = json!({});
        if let Some(set) = set {
            arguments["fdset-id"] = set.into();
        }
        if let Some(opaque) = opaque {
            arguments["opaque"] = opaque.into();
        }
        let answer = self.execute_with_fds("add-fd", arguments, vec![fd]).await?;
        let info: FdsetInfo = serde_json::from_value(answer)
            .map_err(|error| MonitorError::Reply { command: "add-fd".to_owned(), what: error.to_string() })?;
        Ok(info.fdset_id)
    }

    /// Remove a set of descriptors (`remove-fd`).
    pub async fn remove_fd(&self, set: u32) -> Result<(), MonitorError> {
        self.order("remove-fd", json!({"fdset-id": set})).await
    }

    /// The value of a property of an object (`qom-get`).
    pub async fn qom_get(&self, path: &str, property: &str) -> Result<Value, MonitorError> {
        self.execute("qom-get", json!({"path": path, "property": property})).await
    }

    /// Set a property of an object (`qom-set`).
    pub async fn qom_set(&self, path: &str, property: &str, value: Value) -> Result<(), MonitorError> {
        self.order("qom-set", json!({"path": path, "property": property, "value": value})).await
    }

    /// The properties and children of an object (`qom-list`).
    pub async fn qom_list(&self, path: &str) -> Result<Vec<QomProperty>, MonitorError> {
        self.ask("qom-list", json!({"path": path})).await
    }
}
