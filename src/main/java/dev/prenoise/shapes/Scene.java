package dev.prenoise.shapes;

import java.util.List;

/** What a picture shows: objects in the order in which they are painted. */
public record Scene(List<SceneObject> objects) {
    public Scene {
        objects = List.copyOf(objects);
    }

    public static Scene of(SceneObject... objects) {
        return new Scene(List.of(objects));
    }
}
