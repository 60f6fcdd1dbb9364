package dev.prenoise.server.queue;

import dev.prenoise.study.Unit;
import dev.prenoise.study.UnitQueue.Delivery;
import dev.prenoise.study.UnitResult;
import dev.prenoise.study.UnitSource;
import dev.prenoise.study.WorkerWord;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The queues of all studies on a server, as a worker sees them: it takes from each in turn, from those that come later as well, and a result
 * goes to the study whose unit it was. {@link #take} and {@link #report} are one thread's, the rest is thread-safe.
 */
public final class JetStreamQueues implements UnitSource {
    private static final Logger LOG = LoggerFactory.getLogger(JetStreamQueues.class);

    /** How often it is looked for studies that came or went. */
    private static final Duration LOOK = Duration.ofSeconds(2);

    /** How long to wait at one study while there are others. */
    private static final Duration TURN = Duration.ofMillis(500);

    private final QueueLink link;
    private final Predicate<String> wanted;
    private final Map<String, JetStreamQueue> queues = new LinkedHashMap<>();
    private final Map<String, JetStreamQueue> taken = new ConcurrentHashMap<>();
    private long looked;
    private boolean everLooked;
    private int turn;

    /**
     * @param link the caller's to close
     * @param wanted whether units of a queue of that name are taken
     */
    public JetStreamQueues(QueueLink link, Predicate<String> wanted) {
        this.link = link;
        this.wanted = wanted;
    }

    @Override
    public @Nullable Delivery<Unit> take(Duration patience) throws InterruptedException {
        long until = System.nanoTime() + patience.toNanos();
        Delivery<Unit> delivery = null;
        do {
            link.requirePatience();
            look();
            List<JetStreamQueue> all = new ArrayList<>(queues.values());
            Duration left = Duration.ofNanos(Math.max(0, until - System.nanoTime()));
            if (all.isEmpty()) {
                Thread.sleep(Math.min(left.toMillis(), LOOK.toMillis()));
            }
            // a short look at each, so that no study waits while another has nothing
            for (int i = 0; i < all.size() && delivery == null; i++) {
                JetStreamQueue next = all.get(turn++ % all.size());
                delivery = takeFrom(next, all.size() == 1 ? shorter(left, LOOK) : Duration.ZERO);
            }
            if (delivery == null && all.size() > 1) {
                delivery = takeFrom(all.get(turn++ % all.size()), shorter(left, TURN));
            }
        } while (delivery == null && System.nanoTime() < until);
        return delivery;
    }

    private static Duration shorter(Duration a, Duration b) {
        return a.compareTo(b) < 0 ? a : b;
    }

    private @Nullable Delivery<Unit> takeFrom(JetStreamQueue queue, Duration patience) throws InterruptedException {
        try {
            Delivery<Unit> delivery = queue.take(patience);
            if (delivery != null) {
                taken.put(delivery.content().id(), queue);
            }
            return delivery;
        } catch (QueueException e) {
            // a study that ended has taken its queue along; a server that is away for too long ends the next look
            LOG.debug("nothing from a queue", e);
            link.requirePatience();
            everLooked = false;
            return null;
        }
    }

    private void look() throws InterruptedException {
        if (everLooked && System.nanoTime() - looked < LOOK.toNanos()) {
            return;
        }
        List<String> names = JetStreamQueue.names(link).stream().filter(wanted).toList();
        queues.keySet().retainAll(names);
        names.forEach(name -> queues.computeIfAbsent(name, each -> JetStreamQueue.join(link, each)));
        looked = System.nanoTime();
        everLooked = true;
    }

    @Override
    public void report(UnitResult result) {
        JetStreamQueue queue = taken.remove(result.unit());
        if (queue == null) {
            throw new IllegalArgumentException("unit: " + result.unit() + " (expected: one that was taken)");
        }
        try {
            queue.report(result);
        } catch (QueueEndedException e) {
            LOG.warn("{}; a result is left out", e.getMessage());
        }
    }

    @Override
    public void say(WorkerWord word) {
        JetStreamQueue queue = taken.get(word.unit());
        if (queue != null) {
            queue.say(word);
        }
    }
}
