package dev.prenoise.study;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The queue of a study that one process computes. */
public final class LocalQueue implements UnitQueue {
    private final Line<Unit> units;
    private final Line<UnitResult> results;
    private final List<Consumer<WorkerWord>> listeners = new CopyOnWriteArrayList<>();

    /**
     * @param forgotten after so long without a word what was taken is delivered again
     */
    public LocalQueue(Duration forgotten) {
        units = new Line<>(forgotten);
        results = new Line<>(forgotten);
    }

    @Override
    public void offer(Collection<Unit> offered) {
        offered.forEach(unit -> units.put(unit.id(), unit));
    }

    @Override
    public long units() {
        return units.size();
    }

    @Override
    public void retain(Set<String> wanted) {
        units.retain(wanted);
    }

    @Override
    public void withdraw() {
        units.retain(Set.of());
    }

    @Override
    public @Nullable Delivery<Unit> take(Duration patience) throws InterruptedException {
        return units.take(patience);
    }

    @Override
    public void report(UnitResult result) {
        results.put(result.unit(), result);
    }

    @Override
    public @Nullable Delivery<UnitResult> result(Duration patience) throws InterruptedException {
        return results.take(patience);
    }

    @Override
    public void say(WorkerWord word) {
        listeners.forEach(listener -> listener.accept(word));
    }

    @Override
    public void listen(Consumer<WorkerWord> listener) {
        listeners.add(listener);
    }

    @Override
    public void close() {
        listeners.clear();
    }

    /** First come, first served. */
    private static final class Line<T> {
        private final Duration forgotten;
        private final Deque<String> waiting = new ArrayDeque<>();
        private final Map<String, T> contents = new HashMap<>();
        private final Map<String, Taken> taken = new HashMap<>();

        /** Those who began each and have not ended it. */
        private final Map<String, List<Taken>> begun = new HashMap<>();

        Line(Duration forgotten) {
            this.forgotten = forgotten;
        }

        synchronized void put(String id, T content) {
            if (contents.putIfAbsent(id, content) == null) {
                waiting.addLast(id);
                notifyAll();
            }
        }

        synchronized long size() {
            return contents.size();
        }

        synchronized void retain(Set<String> wanted) {
            Set<String> others = new HashSet<>(waiting);
            others.removeAll(wanted);
            waiting.removeAll(others);
            contents.keySet().removeAll(others);
            begun.keySet().removeAll(others);
        }

        synchronized @Nullable Delivery<T> take(Duration patience) throws InterruptedException {
            long until = System.nanoTime() + patience.toNanos();
            while (true) {
                long now = System.nanoTime();
                long wake = takeBackForgotten(now, until);
                String id = waiting.pollFirst();
                T content = id == null ? null : contents.get(id);
                if (id != null && content != null) {
                    Taken delivery = new Taken(id, content, now + forgotten.toNanos());
                    taken.put(id, delivery);
                    return delivery;
                }
                if (now >= until) {
                    return null;
                }
                wait(Math.max(1, (wake - now) / 1_000_000));
            }
        }

        /** Returns when to look again. */
        private long takeBackForgotten(long now, long until) {
            long wake = until;
            Set<String> back = new HashSet<>();
            for (Taken each : taken.values()) {
                if (each.deadline <= now) {
                    back.add(each.id);
                } else {
                    wake = Math.min(wake, each.deadline);
                }
            }
            for (String id : back) {
                taken.remove(id);
                waiting.addFirst(id);
            }
            return wake;
        }

        private final class Taken implements Delivery<T> {
            private final String id;
            private final T content;
            private String worker = "";
            private long deadline;

            Taken(String id, T content, long deadline) {
                this.id = id;
                this.content = content;
                this.deadline = deadline;
            }

            @Override
            public T content() {
                return content;
            }

            @Override
            public List<String> begin(String name) {
                synchronized (Line.this) {
                    long now = System.nanoTime();
                    worker = name;
                    List<Taken> all = begun.computeIfAbsent(id, key -> new ArrayList<>());
                    List<String> lost = all.stream()
                            .filter(each -> each.deadline <= now)
                            .map(each -> each.worker)
                            .toList();
                    all.add(this);
                    return lost;
                }
            }

            private void end() {
                begun.getOrDefault(id, new ArrayList<>()).remove(this);
            }

            @Override
            public void working() {
                synchronized (Line.this) {
                    deadline = System.nanoTime() + forgotten.toNanos();
                }
            }

            @Override
            public void acknowledge() {
                synchronized (Line.this) {
                    // done is done, whoever else may have it by now
                    taken.remove(id);
                    waiting.remove(id);
                    contents.remove(id);
                    begun.remove(id);
                }
            }

            @Override
            public void giveBack(Duration delay) {
                synchronized (Line.this) {
                    end();
                    if (taken.get(id) == this) {
                        // as one that is forgotten then
                        taken.put(id, new Taken(id, content, System.nanoTime() + delay.toNanos()));
                        Line.this.notifyAll();
                    }
                }
            }

            @Override
            public void close() {
                synchronized (Line.this) {
                    end();
                    if (taken.remove(id, this)) {
                        waiting.addFirst(id);
                        Line.this.notifyAll();
                    }
                }
            }
        }
    }
}
