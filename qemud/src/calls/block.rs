//! Disks of a running guest.

use protocol::Fault;
use protocol::remote::*;
use rpc::Call;

use crate::guest::threshold;
use crate::service::Virtqemud;

impl DomainBlock<Call> for Virtqemud {
    async fn domain_set_block_threshold(
        &self,
        _call: &Call,
        args: DomainSetBlockThresholdArgs,
    ) -> Result<(), Fault> {
        threshold::set(&self.driver, args).await
    }
}
