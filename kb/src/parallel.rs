//! The same work on many items, on all cores.

/// `work` on every item, in order. A panic in it is passed on.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let chunk = items.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let work = &work;
        let workers: Vec<_> = items
            .chunks(chunk)
            .map(|items| scope.spawn(move || items.iter().map(work).collect::<Vec<R>>()))
            .collect();
        let results = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        results.flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_order_is_kept_whatever_the_number_of_items() {
        for number in [0, 1, 2, 7, 1_000] {
            let items: Vec<usize> = (0..number).collect();
            assert_eq!(
                super::map(&items, |item| item * 2),
                (0..number).map(|item| item * 2).collect::<Vec<_>>()
            );
        }
    }
}
