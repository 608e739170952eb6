//! Whoever is still sending a body does not read an answer: refused before it is read, their connection would break instead of telling
//! them why. So what is left of the body of a request that is refused is passed over first.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt as _, future};
use parking_lot::Mutex;

/// So many pieces are passed over, of some 8 to 16 kB each, and no longer than this.
const MOST_PIECES: usize = 4_096;
const PATIENCE: Duration = Duration::from_secs(10);

type Left = Arc<Mutex<Option<BodyDataStream>>>;

/// A body that comes back from whoever does not read it to its end.
struct Lent {
    body: Option<BodyDataStream>,
    left: Left,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let next = body.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        next
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.left.lock() = self.body.take();
    }
}

/// A middleware: passes over what a refused request has not been asked for.
pub(super) async fn pass_over(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let left = Left::default();
    let (head, body) = request.into_parts();
    let loan = Lent { body: Some(body.into_data_stream()), left: Arc::clone(&left) };
    let response = next.run(Request::from_parts(head, Body::from_stream(loan))).await;
    let (status, rest) = (response.status(), left.lock().take());
    if (status.is_client_error() || status.is_server_error())
        && let Some(rest) = rest
    {
        let rest = rest.take(MOST_PIECES).for_each(|_| future::ready(()));
        drop(tokio::time::timeout(PATIENCE, rest).await);
    }
    response
}
