"""The battery: made-up situations that tell orders apart by what they do, and the vote of readings over them."""
