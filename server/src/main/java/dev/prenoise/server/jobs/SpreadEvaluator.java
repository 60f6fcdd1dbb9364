package dev.prenoise.server.jobs;

import dev.prenoise.search.Evaluation;
import dev.prenoise.search.Evaluator;
import dev.prenoise.search.Proposal;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Has candidates scored here and by peers. Batches, budget and order are those of the evaluator here; peers begin with the candidates that
 * follow. Gradients are computed here: who follows them needs one before it knows the next noise.
 */
final class SpreadEvaluator implements ForwardingEvaluator {
    /** Shares in the line for each that peers hold: one that is so much faster than this sidecar still finds the next. */
    private static final int IN_LINE = 2;

    private final Evaluator here;
    private final int number;
    private final Shares shares;
    private final Peers.Help help;
    private final BooleanSupplier stopped;

    /** Where each proposal is that was asked for or announced. */
    private final Map<Proposal, Place> places = new IdentityHashMap<>();

    private record Place(Shares.Ticket ticket, int index) {}

    /**
     * @param number of the evaluator among those of the search
     */
    SpreadEvaluator(Evaluator here, int number, Shares shares, Peers.Help help, BooleanSupplier stopped) {
        this.here = here;
        this.number = number;
        this.shares = shares;
        this.help = help;
        this.stopped = stopped;
    }

    @Override
    public Evaluator here() {
        return here;
    }

    @Override
    public int ahead() {
        return (int) Math.min(Integer.MAX_VALUE, (long) here.maxBatch() * IN_LINE * help.places());
    }

    @Override
    public List<Evaluation> evaluateProposals(List<Proposal> proposals, List<Proposal> following) {
        forget(proposals, following);
        announce(proposals);
        announce(following);
        help.offer();
        List<Place> wanted = proposals.stream().map(this::place).toList();
        List<Shares.Ticket> tickets =
                wanted.stream().map(Place::ticket).distinct().toList();
        List<List<Evaluation>> results = shares.await(tickets, share -> share.on(here), stopped);
        proposals.forEach(places::remove);
        return wanted.stream()
                .map(place -> results.get(tickets.indexOf(place.ticket())).get(place.index()))
                .toList();
    }

    private Place place(Proposal proposal) {
        Place place = places.get(proposal);
        if (place == null) {
            throw new IllegalStateException("proposal: not announced (expected: announced before it is waited for)");
        }
        return place;
    }

    /** What was announced and is neither asked for nor announced again. */
    private void forget(List<Proposal> proposals, List<Proposal> following) {
        Map<Proposal, Place> kept = new IdentityHashMap<>();
        for (List<Proposal> part : List.of(proposals, following)) {
            for (Proposal proposal : part) {
                Place place = places.get(proposal);
                if (place != null) {
                    kept.put(proposal, place);
                }
            }
        }
        shares.retain(kept.values().stream().map(Place::ticket).toList());
        places.clear();
        places.putAll(kept);
    }

    /** In shares as large as a batch. */
    private void announce(List<Proposal> proposals) {
        List<Proposal> fresh = new ArrayList<>();
        for (Proposal proposal : proposals) {
            if (!places.containsKey(proposal)) {
                fresh.add(proposal);
            }
        }
        int batch = here.maxBatch();
        for (int from = 0; from < fresh.size(); from += batch) {
            List<Proposal> part = fresh.subList(from, Math.min(fresh.size(), from + batch));
            Shares.Ticket ticket = shares.add(new Share(number, batch, part));
            for (int i = 0; i < part.size(); i++) {
                places.put(part.get(i), new Place(ticket, i));
            }
        }
    }
}
