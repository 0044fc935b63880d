"""What kubelets do with the containers of a pod: start, ask, restart and end them. ``life`` holds a pod, the others its parts."""
