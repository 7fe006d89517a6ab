//! Calls with streams for other daemons (the content of volumes): packets in both directions, as they come.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use protocol::message::{Header, Kind, Message, Status, StreamHole};
use protocol::{ErrorDomain, Fault, xdr};
use rpc::{Call, Packet, Stream, StreamClosed};
use tokio::sync::mpsc;

use super::link::Link;

/// Packets of the neighbour that wait for the client.
const QUEUE: usize = 4;

/// Pass a call on over a connection of its own, and then what its stream carries.
pub(super) async fn pass_on(link: Arc<Link>, call: &Call, body: &[u8]) -> Result<Vec<u8>, Fault> {
    let meta = call.meta();
    let (sender, packets) = mpsc::channel(QUEUE);
    let (header, answer) = link.exchange(meta, body, Some(sender)).await?;
    let stream = call.open_stream(meta.stream)?;
    // The flags are the last of the arguments of every such call.
    let flags = body.last_chunk().map_or(0, |word| u32::from_be_bytes(*word));
    if flags & meta.sparse_flag != 0 {
        stream.allow_holes();
    }
    let bridge = Bridge { link, header, stream };
    tokio::spawn(bridge.carry(packets));
    Ok(answer.into())
}

/// A client's stream and the neighbour's.
struct Bridge {
    link: Arc<Link>,
    header: Header,
    stream: Stream,
}

/// How a stream ends for the client.
enum End {
    /// All is done.
    Finished,
    /// The neighbour gave it up.
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
                    // The neighbour has the last word.
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

    /// What the client sends goes to the neighbour.
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
            if let Err(fault) = self.link.send(&self.header.answer(kind, status), &body).await {
                return End::Failed(fault);
            }
            match status {
                Status::Ok => return End::Finished,
                Status::Error => return End::Left,
                _ => {}
            }
        }
    }

    /// What the neighbour sends goes to the client.
    async fn carry_down(&self, mut packets: mpsc::Receiver<Message>) -> End {
        while let Some(packet) = packets.recv().await {
            let Message { header, body, .. } = &packet;
            match (header.status, header.kind) {
                (Status::Continue, Kind::Stream) if body.is_empty() => {
                    // All has come; what the neighbour makes of the end changes nothing for the client.
                    let finish = self.header.answer(Kind::Stream, Status::Ok);
                    let _ = self.link.send(&finish, &[]).await;
                    return End::Finished;
                }
                (Status::Continue, kind) => {
                    let sent = match (kind, xdr::from_slice::<StreamHole>(body)) {
                        (Kind::StreamHole, Ok(hole)) => self.stream.send_hole(hole.length).await,
                        (Kind::StreamHole, Err(_)) => return End::Failed(self.link.gone()),
                        _ => self.stream.send(body.clone()).await,
                    };
                    match sent {
                        // A client that wants no more waits for the neighbour's last word.
                        Ok(()) | Err(StreamClosed::Finished) => {}
                        Err(_) => return End::Left,
                    }
                }
                _ => return self.link.outcome(packet).map_or_else(End::Failed, |_| End::Finished),
            }
        }
        End::Failed(self.link.gone())
    }
}
