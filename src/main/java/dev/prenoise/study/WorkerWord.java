package dev.prenoise.study;

import com.google.gson.Gson;
import org.jspecify.annotations.Nullable;

/**
 * What a worker says of a unit.
 *
 * @param worker its name, such as the machine's with the process's number
 * @param unit the unit's id
 * @param refusal why it does not compute it; null = it does
 */
public record WorkerWord(
        String worker, String unit, @Nullable String refusal) {
    private static final Gson JSON = new Gson();

    public String toJson() {
        return JSON.toJson(this);
    }

    public static WorkerWord ofJson(String json) {
        return JSON.fromJson(json, WorkerWord.class);
    }
}
