//! Domains as access control sees them.

use ::driver::access::{Details, Objects, Shown, domain_details, identity_of};
use protocol::Fault;
use protocol::subject::Subject;
use rpc::Call;
use uuid::Uuid;

use crate::domain::{Domain, no_domain_uuid};
use crate::driver::{Driver, no_domain};
use crate::service::Virtqemud;

impl Objects for Driver {
    fn details(&self, subject: &Subject) -> Result<Details, Fault> {
        let found = match subject {
            Subject::Domain(named) => self.domain(named)?,
            Subject::DomainUuid(uuid) => {
                let uuid = Uuid::from_bytes(uuid.0);
                self.domains.by_uuid(uuid).ok_or_else(|| no_domain_uuid(uuid))?
            }
            Subject::DomainName(name) => {
                let missing = || no_domain(format!("no domain with matching name '{name}'"));
                self.domains.by_name(name).ok_or_else(missing)?
            }
            Subject::DomainId(id) => {
                let missing = || no_domain(format!("no domain with matching id {id}"));
                self.domains.by_id(*id).ok_or_else(missing)?
            }
            Subject::DomainXml(xml) => {
                let (name, uuid) = identity_of(xml);
                let name = name.map(|name| ("domain_name", name));
                let uuid = uuid.map(|uuid| ("domain_uuid", uuid.to_string()));
                return Ok(name.into_iter().chain(uuid).collect());
            }
            _ => return Ok(Details::new()),
        };
        Ok(details(&found))
    }
}

impl Virtqemud {
    /// The domains that the client sees in the answer to a call that lists them.
    pub async fn shown(&self, call: &Call) -> Shown {
        let all =
            || self.driver.domains.list().iter().map(|domain| (domain.uuid(), details(domain))).collect();
        Box::pin(self.driver.access.shown(call, all)).await
    }
}

fn details(domain: &Domain) -> Details {
    domain_details(&domain.lock().name, domain.uuid())
}
