package dev.prenoise.server.queue;

import dev.prenoise.study.LocalQueue;
import dev.prenoise.study.UnitQueue;

/** Of the engine's queue; here, where what every queue does is told once for all. */
class LocalQueueTest extends UnitQueueContract {
    @Override
    UnitQueue fresh() {
        return new LocalQueue(FORGOTTEN);
    }
}
