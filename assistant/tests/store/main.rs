//! Stores: one suite of promises for every implementation, and what is particular to each.
#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

mod agents;
mod audit;
mod backup;
mod claims;
mod conversations;
mod durability;
mod feeds;
mod figures;
mod handoff;
mod papers;
mod postgres;
mod sounds;
mod sqlite;
mod story;
mod sweeps;
mod trace;
mod vault;
mod versions;
mod webhooks;

/// Runs the whole suite against a backend: an `async fn() -> story::Bench`.
///
/// A new implementation of `Store` adds one line with its own backend, and nothing else.
macro_rules! contract {
    ($module:ident, $backend:path, [$($suite:ident::$test:ident),* $(,)?]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    crate::$suite::$test($backend().await).await;
                }
            )*
        }
    };
}

macro_rules! every_promise {
    ($module:ident, $backend:path) => {
        contract!(
            $module,
            $backend,
            [
                conversations::a_conversation_begins_with_its_first_event_and_opens_with_its_token,
                conversations::events_get_places_without_a_gap_and_come_back_in_order,
                conversations::the_same_client_message_is_accepted_once,
                conversations::the_same_client_message_sent_fifty_times_at_once_makes_one_event,
                conversations::a_citizen_and_an_agent_may_use_the_same_id,
                conversations::appends_from_everywhere_at_once_leave_no_gap,
                conversations::an_append_that_expects_something_else_changes_nothing,
                conversations::a_closed_conversation_takes_nothing_more_but_remembers_what_it_took,
                conversations::handoff_events_come_from_commands_only,
                conversations::an_unknown_conversation_is_not_found,
                conversations::the_stored_state_is_the_fold_of_the_log,
                conversations::time_in_a_log_never_runs_backwards,
                claims::fifty_agents_claim_and_one_wins,
                claims::the_queue_is_in_order_of_its_original_time,
                claims::whoever_leaves_the_queue_moves_the_others_up,
                claims::only_the_holder_writes_and_leaves,
                claims::an_agents_message_is_accepted_once,
                claims::events_and_a_handoff_are_appended_together_or_not_at_all,
                agents::a_name_is_taken_once,
                agents::an_account_is_kept_as_it_was_made_and_changed,
                agents::sessions_open_until_they_expire_or_are_ended,
                agents::a_session_that_nobody_uses_ends,
                agents::sessions_are_listed_and_revoked,
                agents::other_roles_and_disabling_end_sessions,
                agents::a_new_password_ends_sessions_and_locks,
                agents::failed_logins_lock_and_a_good_one_forgets_them,
                agents::a_second_factor_is_confirmed_before_it_counts_and_its_codes_are_good_once,
                audit::records_form_a_chain_and_come_back_page_by_page,
                audit::records_written_from_everywhere_at_once_form_one_chain,
                audit::a_failed_act_leaves_no_record,
                handoff::urgency_is_a_head_start_and_an_emergency_is_first,
                handoff::an_offer_goes_to_one_agent_and_only_its_token_takes_it,
                handoff::what_is_due_happens_once_and_in_its_time,
                handoff::routing_fills_who_is_free_up_to_their_capacity,
                handoff::whoever_writes_again_has_their_agent_back,
                handoff::a_settled_matter_is_opened_again_by_the_same_agent,
                handoff::a_wait_is_told_as_a_range_and_closed_hours_are_told,
                handoff::random_stories_keep_every_promise,
                sweeps::lost_agents_give_back_what_they_have_in_its_old_place,
                sweeps::only_what_the_assistant_has_ends_by_idling,
                sweeps::retention_deletes_what_was_closed_and_nothing_else,
                papers::a_paper_is_changed_in_the_version_that_was_seen_and_otherwise_not,
                papers::several_papers_are_changed_together_or_not_at_all,
                papers::of_fifty_who_change_a_paper_at_once_one_does,
                sounds::what_is_said_is_kept_and_ends_with_its_conversation,
                sounds::receipts_never_go_back,
                figures::what_happens_is_counted_once_and_what_failed_is_not,
                figures::a_place_is_counted_as_a_prefecture_and_only_where_the_citizen_named_it,
                figures::waits_are_measured_until_somebody_comes_for_the_first_time,
                figures::a_withdrawn_turn_counts_for_nothing_and_leaves_no_unresolved_question,
                figures::a_wrong_answer_is_reported_once_and_counted,
                figures::a_rating_that_is_changed_counts_once_with_its_last_value,
                figures::erasing_leaves_figures_and_takes_unresolved_questions,
                figures::days_that_are_over_are_joined_and_their_sums_stay,
                figures::whatever_happens_the_figures_are_what_the_logs_say,
                audit::records_are_found_by_what_they_say,
                vault::erasing_takes_one_conversation_out_of_everything,
                feeds::a_subscriber_sees_every_commit_of_its_conversation_in_order_and_no_other,
                feeds::a_subscriber_that_falls_behind_is_told_and_reads_the_log_again,
                feeds::the_queue_feed_ticks_when_the_queue_changes_and_not_otherwise,
                webhooks::what_a_receiver_wants_to_hear_is_kept_with_the_event_until_it_is_taken,
                webhooks::what_is_not_taken_is_tried_again_and_what_was_given_up_on_request,
                feeds::feeds_end_and_commands_fail_when_the_store_has_closed,
            ]
        );
    };
}

every_promise!(in_sqlite, crate::sqlite::fresh);
every_promise!(in_postgres, crate::postgres::fresh);
