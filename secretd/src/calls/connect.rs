//! The connection: opening, features, what every driver tells of itself. A driver of secrets knows nothing of the host.

use driver::connection::{Connection, Uris};
use protocol::Fault;
use protocol::consts::drv_feature;
use protocol::remote::*;
use rpc::Call;

use crate::service::Virtsecretd;

/// Driver features that this daemon offers (`VIR_DRV_FEATURE_*`).
const FEATURES: [i32; 4] = [
    drv_feature::FD_PASSING,
    drv_feature::PROGRAM_KEEPALIVE,
    drv_feature::REMOTE_EVENT_CALLBACK,
    drv_feature::REMOTE_CLOSE_CALLBACK,
];

/// URIs of the daemon that serves the host.
const SYSTEM: Uris = Uris { scheme: "secret", name: "secret", own: "secret:///system", paths: &["/system"] };

/// URIs of a user's own daemon.
const SESSION: Uris =
    Uris { scheme: "secret", name: "secret", own: "secret:///session", paths: &["/session"] };

impl Connect<Call> for Virtsecretd {
    async fn connect_open(&self, call: &Call, args: ConnectOpenArgs) -> Result<(), Fault> {
        Connection::open(call, self.uris(), &args)
    }

    async fn connect_close(&self, call: &Call) -> Result<(), Fault> {
        Connection::of(call.session()).close();
        self.driver.events.forget(call.session().id());
        Ok(())
    }

    async fn connect_supports_feature(
        &self,
        call: &Call,
        args: ConnectSupportsFeatureArgs,
    ) -> Result<ConnectSupportsFeatureRet, Fault> {
        let supported = Connection::feature(call, args.feature, &FEATURES)?;
        Ok(ConnectSupportsFeatureRet { supported })
    }

    async fn connect_get_type(&self, _call: &Call) -> Result<ConnectGetTypeRet, Fault> {
        Ok(ConnectGetTypeRet { r#type: "secret".to_owned() })
    }

    async fn connect_get_lib_version(&self, _call: &Call) -> Result<ConnectGetLibVersionRet, Fault> {
        Ok(ConnectGetLibVersionRet { lib_ver: daemon::LIBVIRT_VERSION })
    }

    async fn connect_get_uri(&self, _call: &Call) -> Result<ConnectGetUriRet, Fault> {
        Ok(ConnectGetUriRet { uri: self.uris().own.to_owned() })
    }

    async fn connect_is_secure(&self, _call: &Call) -> Result<ConnectIsSecureRet, Fault> {
        // Only unix sockets reach this daemon; TLS ends in virtproxyd.
        Ok(ConnectIsSecureRet { secure: 1 })
    }

    async fn connect_set_identity(&self, call: &Call, args: ConnectSetIdentityArgs) -> Result<(), Fault> {
        driver::identity::assume(call, &args, self.driver.context.system_token())
    }

    async fn connect_register_close_callback(&self, call: &Call) -> Result<(), Fault> {
        Connection::set_close_callback(call, true)
    }

    async fn connect_unregister_close_callback(&self, call: &Call) -> Result<(), Fault> {
        Connection::set_close_callback(call, false)
    }
}

impl Virtsecretd {
    fn uris(&self) -> &'static Uris {
        if self.driver.context.session_mode() { &SESSION } else { &SYSTEM }
    }
}
