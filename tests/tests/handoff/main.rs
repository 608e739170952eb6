//! The handoff to people as browsers drive it, without a browser: the portal's WebSocket, the desk's requests and its socket.

mod claiming;
mod erasing;
mod offers;
mod office_hours;
mod returning;
mod stage;
mod vanishing;
