//! The flags that ask for a client's XML to be validated against the installed schema
//! (`VIR_DOMAIN_DEFINE_VALIDATE`, `VIR_DOMAIN_START_VALIDATE`).

use protocol::Fault;

use crate::driver::Driver;

/// Refuse a domain's XML that does not fit `domain.rng`. Does nothing when validation is not `wanted`.
///
/// # Errors
/// XML that cannot be parsed or has another root, `VIR_ERR_XML_INVALID_SCHEMA`, or a schema that is missing.
#[cfg(feature = "validate")]
pub async fn domain(driver: &Driver, text: &str, wanted: bool) -> Result<(), Fault> {
    if !wanted {
        return Ok(());
    }
    let limits = model::xml::Limits::document("domain_definition");
    let tree = model::xml::parse(text, &limits).map_err(::driver::fault::xml)?;
    model::domain::Domain::check_root(&tree).map_err(::driver::fault::xml)?;
    driver.schemas.check("domain.rng", tree).await
}

/// This build has no validator: say so instead of passing over the wish.
#[cfg(not(feature = "validate"))]
pub async fn domain(_driver: &Driver, _text: &str, wanted: bool) -> Result<(), Fault> {
    use protocol::{ErrorCode, ErrorDomain};

    if wanted {
        let detail = "this build does not validate XML against its schema";
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail));
    }
    Ok(())
}
