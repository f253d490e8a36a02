// Lets the arrow keys and escape follow the links that stand beside a large picture.
addEventListener("keydown", event => {
  const shown = document.querySelector("figure:target");
  const ways = { ArrowUp: ".up", ArrowDown: ".down", ArrowLeft: ".left", ArrowRight: ".right", Escape: ".close" };
  const link = shown && ways[event.key] && shown.querySelector(ways[event.key]);
  if (link) { event.preventDefault(); link.click(); }
});
