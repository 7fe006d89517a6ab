//! Arguments, results and events of [`super::Secret`], in the order of their procedures.

use crate::limits::{SECRET_LIST_MAX, SECRET_VALUE_MAX};
use crate::remote::handles::NonnullSecret;
use crate::xdr::{List, Opaque, Uuid};

wire! {
    /// Result of `virConnectNumOfSecrets` (139).
    struct ConnectNumOfSecretsRet { num: i32 }

    /// Arguments of `virConnectListSecrets` (140).
    struct ConnectListSecretsArgs { maxuuids: i32 }

    /// Result of `virConnectListSecrets` (140).
    struct ConnectListSecretsRet { uuids: List<String, SECRET_LIST_MAX> }

    /// Arguments of `virSecretLookupByUUID` (141).
    struct SecretLookupByUuidArgs { uuid: Uuid }

    /// Result of `virSecretLookupByUUID` (141).
    struct SecretLookupByUuidRet { secret: NonnullSecret }

    /// Arguments of `virSecretDefineXML` (142).
    struct SecretDefineXmlArgs { xml: String, flags: u32 }

    /// Result of `virSecretDefineXML` (142).
    struct SecretDefineXmlRet { secret: NonnullSecret }

    /// Arguments of `virSecretGetXMLDesc` (143).
    struct SecretGetXmlDescArgs { secret: NonnullSecret, flags: u32 }

    /// Result of `virSecretGetXMLDesc` (143).
    struct SecretGetXmlDescRet { xml: String }

    /// Arguments of `virSecretSetValue` (144).
    struct SecretSetValueArgs { secret: NonnullSecret, value: Opaque<SECRET_VALUE_MAX>, flags: u32 }

    /// Arguments of `virSecretGetValue` (145).
    struct SecretGetValueArgs { secret: NonnullSecret, flags: u32 }

    /// Result of `virSecretGetValue` (145).
    struct SecretGetValueRet { value: Opaque<SECRET_VALUE_MAX> }

    /// Arguments of `virSecretUndefine` (146).
    struct SecretUndefineArgs { secret: NonnullSecret }

    /// Arguments of `virSecretLookupByUsage` (147).
    struct SecretLookupByUsageArgs { usageType: i32, usageID: String }

    /// Result of `virSecretLookupByUsage` (147).
    struct SecretLookupByUsageRet { secret: NonnullSecret }

    /// Arguments of `virConnectListAllSecrets` (287).
    struct ConnectListAllSecretsArgs { need_results: i32, flags: u32 }

    /// Result of `virConnectListAllSecrets` (287).
    struct ConnectListAllSecretsRet { secrets: List<NonnullSecret, SECRET_LIST_MAX>, ret: u32 }

    /// Arguments of `virConnectSecretEventRegisterAny` (380).
    struct ConnectSecretEventRegisterAnyArgs { eventID: i32, secret: Option<NonnullSecret> }

    /// Result of `virConnectSecretEventRegisterAny` (380).
    struct ConnectSecretEventRegisterAnyRet { callbackID: i32 }

    /// Arguments of `virConnectSecretEventDeregisterAny` (381).
    struct ConnectSecretEventDeregisterAnyArgs { callbackID: i32 }

    /// Event 382: a secret was defined or undefined.
    struct SecretEventLifecycleMsg {
        callbackID: i32,
        secret: NonnullSecret,
        event: i32,
        detail: i32,
    }

    /// Event 383: the value of a secret changed.
    struct SecretEventValueChangedMsg { callbackID: i32, secret: NonnullSecret }
}
