//! For whom a client calls: a daemon that passes on a client's call tells the next one whose call it is.

use host::token::SystemToken;
use nix::unistd::geteuid;
use protocol::client::ClientError;
use protocol::remote::{self, ConnectSetIdentityArgs};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::client::Link;
use rpc::{Call, Identity};

/// CONNECT_SET_IDENTITY (419): from now on the client's calls are those of the identity that it tells. What a read-only
/// client may not do it may not do afterwards either.
///
/// Whoever connects may claim to be anybody here, so that it has to be a daemon: a process of root or of this daemon's
/// own user, or one that shows the system token. With the token the identity is elevated.
///
/// # Errors
/// The client is neither (access denied); parameters are not understood. The call has no flags of its own and the
/// reference looks at none.
pub fn assume(call: &Call, args: &ConnectSetIdentityArgs, token: &SystemToken) -> Result<(), Fault> {
    let (told, shown) = Identity::from_params(&args.params)?;
    let proved = shown.is_some_and(|shown| token.is(&shown));
    let peer = call.session().peer();
    if !proved && !is_daemon(peer) {
        let who = peer.uid.map_or_else(|| "of unknown user".to_owned(), |uid| format!("of user {uid}"));
        let detail = format!("a client {who} cannot call for others without the system token");
        return Err(Fault::new(ErrorDomain::RPC, ErrorCode::ACCESS_DENIED, detail));
    }
    call.session().assume_identity(if proved { told.elevated() } else { told });
    Ok(())
}

/// Tells another daemon for whom the calls on this connection are. The token goes along for an identity that has shown it:
/// an ordinary client's calls stay its own.
///
/// # Errors
/// The other daemon's. Calls must not be passed on then, since they would be this daemon's own.
pub async fn tell(link: &Link, identity: &Identity, token: &SystemToken) -> Result<(), ClientError> {
    let mut params = identity.to_params(host::process::start_time);
    if identity.is_elevated() {
        params.push(rpc::token_param(token.reveal()));
    }
    let args = ConnectSetIdentityArgs { params: params.into(), flags: 0 };
    link.ask(&remote::rows::connect_set_identity, &args).await
}

/// Whether the process runs as daemons of this host do. One that has come by TLS or TCP has no user.
fn is_daemon(peer: &Identity) -> bool {
    peer.uid.is_some_and(|uid| uid == 0 || uid == geteuid().as_raw())
}
