package dev.prenoise.server.jobs;

import dev.prenoise.engine.WeightsPin;
import java.time.Duration;
import java.util.List;

/** Other sidecars, which do shares of this one's searches. Thread-safe. */
public interface Peers extends AutoCloseable {
    /** Nobody. */
    Peers NONE = new Peers() {
        @Override
        public boolean none() {
            return true;
        }

        @Override
        public Help ask(SearchSpec spec, List<WeightsPin> weights, Shares shares) {
            throw new IllegalStateException("peers: none (expected: some to ask)");
        }

        @Override
        public List<PeerStatus> status() {
            return List.of();
        }

        @Override
        public void close() {}
    };

    /** What a peer is now. */
    enum State {
        SERVING,
        NOT_SERVING,
        OTHER
    }

    /**
     * @param address as it was given
     * @param reason why it is not used; "" = it is
     */
    record PeerStatus(String address, State state, String reason) {}

    /** What peers do for one search. Thread-safe. */
    interface Help extends AutoCloseable {
        /**
         * Returns when each peer is known to take part or not to, or after this time.
         *
         * @return of those that do not: which, and why; sentences for the user
         */
        List<String> await(Duration patience) throws InterruptedException;

        /** Which do not take part, or were lost, and why, so far. */
        List<String> warnings();

        /** How many shares peers hold at most, as many of them as take part now. */
        int places();

        /** There are shares to take. */
        void offer();

        /** Nobody wants anything any more: what peers still do for this search they stop. Returns at once. */
        @Override
        void close();
    }

    boolean none();

    /**
     * Asks peers whether they have what a search needs. Those that have take shares from then on, those that come back later too. Returns at
     * once.
     *
     * @param weights what must be the same there
     */
    Help ask(SearchSpec spec, List<WeightsPin> weights, Shares shares);

    List<PeerStatus> status();

    @Override
    void close();
}
