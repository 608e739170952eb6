//! The ways in.

pub mod address;
pub mod attached;
pub mod desk;
pub mod http;
mod leftover;
pub mod limits;
pub mod openapi;
pub mod origin;
pub mod pages;
pub mod portal;
pub mod routes;
mod suggestions;
pub mod telephone;
