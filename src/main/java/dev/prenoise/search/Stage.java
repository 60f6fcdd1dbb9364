package dev.prenoise.search;

/** A search as the second stage of another. */
@FunctionalInterface
interface Stage {
    /**
     * Goes on after candidate 0 was scored as the source's draw 0.
     *
     * @param picked how many draws, from 1 on, are another stage's choice, best first
     */
    StopReason goOn(SearchRun run, CandidateSource source, int picked);
}
