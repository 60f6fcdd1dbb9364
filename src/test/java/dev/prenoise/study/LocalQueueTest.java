package dev.prenoise.study;

class LocalQueueTest extends UnitQueueContract {
    @Override
    UnitQueue fresh() {
        return new LocalQueue(FORGOTTEN);
    }
}
