//! Authentication; answered by the session itself, before anything else.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Authentication; answered by the session itself, before anything else.
    trait Auth in remote;

    /// Lists the authentication types of which one has to succeed.
    66 auth_list() -> AuthListRet = "virAuthList": high, before_auth;

    /// Lists the SASL mechanisms, comma separated.
    67 auth_sasl_init() -> AuthSaslInitRet = "virAuthSaslInit": high, before_auth;

    /// Chooses a SASL mechanism and begins.
    68 auth_sasl_start(AuthSaslStartArgs) -> AuthSaslStartRet = "virAuthSaslStart": high, before_auth;

    /// Goes on with SASL.
    69 auth_sasl_step(AuthSaslStepArgs) -> AuthSaslStepRet = "virAuthSaslStep": high, before_auth;

    /// Asks polkit whether the client may connect.
    70 auth_polkit() -> AuthPolkitRet = "virAuthPolkit": high, before_auth;
}
