//! The HTTP stage of a connection: moves bytes between the stream and the [`Exchange`].

use std::io;

use ::http::uri::Authority;
use smol::future::or;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tsuji_signaling::{Exchange, Step};

use crate::guest::{Guest, Standing};

/// Bytes read at a time. 16 KiB: the largest head that is accepted.
const READ_BYTES: usize = 16 * 1024;

/// How this stage ends.
pub(crate) enum End {
    /// The rest is a WebSocket.
    Upgrade {
        /// Of which these bytes have come already.
        early: Vec<u8>,
        /// What the client calls the server.
        host: Option<Authority>,
    },
    /// All is said.
    Finished,
    /// Nothing is left.
    Gone,
}

/// Answers requests until there are no more.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    guest: &Guest,
    stream: &mut S,
    mut exchange: Exchange,
) -> End {
    let mut buffer = vec![0; READ_BYTES];
    let mut step = Step::Read;
    let mut has_answered = false;
    loop {
        let deadline = exchange.deadline();
        let now = || guest.front().clock.now();
        step = match step {
            Step::Read => match guest
                .before(deadline, read(guest, stream, &mut buffer))
                .await
            {
                None => exchange.handle_timeout(now()),
                Some(None) if has_answered => return End::Finished,
                Some(None | Some(Ok(0) | Err(_))) => return End::Gone,
                Some(Some(Ok(length))) => {
                    has_answered = false;
                    exchange.receive(now(), &buffer[..length])
                }
            },
            Step::Respond { bytes, close } => {
                match guest.before(deadline, write(stream, &bytes)).await {
                    Some(Ok(())) if close => return End::Finished,
                    Some(Ok(())) => {
                        has_answered = true;
                        exchange.receive(now(), &[])
                    }
                    Some(Err(_)) | None => return End::Gone,
                }
            }
            Step::WriteTrace { bytes, close } => {
                guest.trace_wanted();
                Step::Respond { bytes, close }
            }
            Step::Upgrade {
                response,
                early,
                host,
            } => {
                return match guest.before(deadline, write(stream, &response)).await {
                    Some(Ok(())) => End::Upgrade { early, host },
                    Some(Err(_)) | None => End::Gone,
                };
            }
        };
    }
}

/// Reads what comes while it is heard; `None` when it is to take leave instead.
pub(crate) async fn read<S: AsyncRead + Unpin>(
    guest: &Guest,
    stream: &mut S,
    buffer: &mut [u8],
) -> Option<io::Result<usize>> {
    let standing = guest.until(|standing| standing != Standing::Silent).await;
    if standing != Standing::Heard {
        return None;
    }
    let leave = guest.until(|standing| !matches!(standing, Standing::Heard | Standing::Silent));
    or(async { Some(stream.read(buffer).await) }, async {
        leave.await;
        None
    })
    .await
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
