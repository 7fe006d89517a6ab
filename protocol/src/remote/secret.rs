//! Secrets.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Secrets.
    trait Secret in remote;

    /// Counts the secrets.
    139 connect_num_of_secrets() -> ConnectNumOfSecretsRet = "virConnectNumOfSecrets":
        high, acl(connect: search_secrets), filter(secret: getattr);

    /// Lists the UUIDs of the secrets as text.
    140 connect_list_secrets(ConnectListSecretsArgs) -> ConnectListSecretsRet = "virConnectListSecrets":
        high, acl(connect: search_secrets), filter(secret: getattr);

    /// Finds a secret by its UUID.
    141 secret_lookup_by_uuid(SecretLookupByUuidArgs) -> SecretLookupByUuidRet = "virSecretLookupByUUID":
        high, acl(secret: getattr);

    /// Defines a secret, or changes its definition.
    142 secret_define_xml(SecretDefineXmlArgs) -> SecretDefineXmlRet = "virSecretDefineXML":
        high, writes, acl(secret: write, secret: save);

    /// Returns the secret's document, without its value.
    143 secret_get_xml_desc(SecretGetXmlDescArgs) -> SecretGetXmlDescRet = "virSecretGetXMLDesc":
        high, acl(secret: read);

    /// Sets the value of a secret.
    144 secret_set_value(SecretSetValueArgs) -> () = "virSecretSetValue": high, writes, acl(secret: write);

    /// Returns the value of a secret.
    145 secret_get_value(SecretGetValueArgs) -> SecretGetValueRet = "virSecretGetValue":
        high, writes, acl(secret: read_secure);

    /// Removes a secret.
    146 secret_undefine(SecretUndefineArgs) -> () = "virSecretUndefine": high, writes, acl(secret: delete);

    /// Finds a secret by what it is used for.
    147 secret_lookup_by_usage(SecretLookupByUsageArgs)
        -> SecretLookupByUsageRet = "virSecretLookupByUsage":
        high, acl(secret: getattr);

    /// Lists secrets; the flags choose which.
    287 connect_list_all_secrets(ConnectListAllSecretsArgs)
        -> ConnectListAllSecretsRet = "virConnectListAllSecrets":
        high, acl(connect: search_secrets), filter(secret: getattr);

    /// Asks for events of one kind, of one secret or of all.
    380 connect_secret_event_register_any(ConnectSecretEventRegisterAnyArgs)
        -> ConnectSecretEventRegisterAnyRet = "virConnectSecretEventRegisterAny":
        high, acl(connect: search_secrets), filter(secret: getattr);

    /// Stops the secret events of a callback id.
    381 connect_secret_event_deregister_any(ConnectSecretEventDeregisterAnyArgs)
        -> () = "virConnectSecretEventDeregisterAny":
        high, acl(connect: read);

    events {
        /// A secret was defined or undefined.
        382 secret_event_lifecycle(SecretEventLifecycleMsg);

        /// The value of a secret changed.
        383 secret_event_value_changed(SecretEventValueChangedMsg);
    }
}
