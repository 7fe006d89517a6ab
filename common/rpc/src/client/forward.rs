//! A client's call passed on to another daemon, undecoded, with its descriptors and with what its stream carries.

use std::pin::pin;

use bytes::Bytes;
use protocol::client::ClientError;
use protocol::message::{Header, Kind, Message, Status, StreamHole};
use protocol::procedure::StreamDirection;
use protocol::{ErrorCode, ErrorDomain, Fault, xdr};
use tokio::sync::mpsc;

use super::{Link, Reply};
use crate::{Call, Packet, Stream, StreamClosed};

/// Packets of the peer that wait for the client.
const QUEUE: usize = 4;

/// Passes a call on and brings back the encoded reply. A call with a stream needs a connection of its own: nothing else
/// is read from it while its client does not take the stream's packets.
///
/// # Errors
/// The peer's, as they came; [`ClientError::Closed`] where the connection has ended.
pub async fn forward(link: &Link, call: &Call, body: Bytes) -> Result<Bytes, ClientError> {
    if call.meta().stream != StreamDirection::None {
        return Box::pin(forward_stream(link.clone(), call, body)).await;
    }
    let reply = link.call(call.meta(), body, call.take_fds()).await?;
    Ok(give_fds(call, reply))
}

async fn forward_stream(link: Link, call: &Call, body: Bytes) -> Result<Bytes, ClientError> {
    let meta = call.meta();
    let (sender, packets) = mpsc::channel(QUEUE);
    // The flags are the last of the arguments of every such call.
    let flags = body.last_chunk().map_or(0, |word| u32::from_be_bytes(*word));
    let (header, reply) = link.exchange(meta, body, call.take_fds(), Some(sender)).await?;
    let stream = call.open_stream(meta.stream)?;
    if flags & meta.sparse_flag != 0 {
        stream.allow_holes();
    }
    let bridge = Bridge { link, header, stream };
    tokio::spawn(bridge.carry(packets));
    Ok(give_fds(call, reply))
}

fn give_fds(call: &Call, Reply { body, fds }: Reply) -> Bytes {
    if !fds.is_empty() {
        call.reply_fds(fds);
    }
    body
}

/// A client's stream and the peer's.
struct Bridge {
    link: Link,
    header: Header,
    stream: Stream,
}

/// How a stream ends for the client.
enum End {
    /// All is done.
    Finished,
    /// The peer gave it up.
    Failed(Fault),
    /// The client gave it up, or is gone.
    Left,
}

impl Bridge {
    async fn carry(self, packets: mpsc::Receiver<Message>) {
        let end = {
            let mut downwards = pin!(self.carry_down(packets));
            tokio::select! {
                end = &mut downwards => end,
                end = self.carry_up() => match end {
                    // The peer has the last word.
                    End::Finished => downwards.await,
                    other => other,
                },
            }
        };
        match end {
            // A client that is gone needs no answer.
            End::Finished => drop(self.stream.finish().await),
            End::Failed(fault) => self.stream.fail(fault),
            End::Left => {}
        }
    }

    /// What the client sends goes to the peer.
    async fn carry_up(&self) -> End {
        loop {
            let (kind, status, body) = match self.stream.recv().await {
                Ok(Packet::Data(data)) => (Kind::Stream, Status::Continue, data),
                Ok(Packet::Hole(length)) => match xdr::to_vec(&StreamHole { length, flags: 0 }) {
                    Ok(hole) => (Kind::StreamHole, Status::Continue, hole.into()),
                    Err(error) => return End::Failed(Fault::internal(ErrorDomain::RPC, error.to_string())),
                },
                Ok(Packet::Finish) => (Kind::Stream, Status::Ok, Bytes::new()),
                Ok(Packet::Abort) | Err(_) => (Kind::Stream, Status::Error, Bytes::new()),
            };
            if self.link.send(&self.header.answer(kind, status), body).await.is_err() {
                return End::Failed(self.gone());
            }
            match status {
                Status::Ok => return End::Finished,
                Status::Error => return End::Left,
                _ => {}
            }
        }
    }

    /// What the peer sends goes to the client.
    async fn carry_down(&self, mut packets: mpsc::Receiver<Message>) -> End {
        while let Some(packet) = packets.recv().await {
            let Message { header, body, .. } = &packet;
            match (header.status, header.kind) {
                (Status::Continue, Kind::Stream) if body.is_empty() => {
                    // All has come; what the peer makes of the end changes nothing for the client.
                    let finish = self.header.answer(Kind::Stream, Status::Ok);
                    let _ = self.link.send(&finish, Bytes::new()).await;
                    return End::Finished;
                }
                (Status::Continue, kind) => {
                    let sent = match (kind, xdr::from_slice::<StreamHole>(body)) {
                        (Kind::StreamHole, Ok(hole)) => self.stream.send_hole(hole.length).await,
                        (Kind::StreamHole, Err(_)) => return End::Failed(self.gone()),
                        _ => self.stream.send(body.clone()).await,
                    };
                    match sent {
                        // A client that wants no more waits for the peer's last word.
                        Ok(()) | Err(StreamClosed::Finished) => {}
                        Err(_) => return End::Left,
                    }
                }
                _ => match packet.outcome() {
                    Ok(_) => return End::Finished,
                    Err(ClientError::Fault(fault)) => return End::Failed(fault),
                    Err(_) => return End::Failed(self.gone()),
                },
            }
        }
        End::Failed(self.gone())
    }

    fn gone(&self) -> Fault {
        lost(self.link.name())
    }
}

/// The error of a call or stream that was cut off by the end of the connection to the daemon `name`.
pub fn lost(name: &str) -> Fault {
    let detail = format!("{name} has closed the connection, or does not answer any more");
    Fault::new(ErrorDomain::RPC, ErrorCode::RPC, detail)
}
