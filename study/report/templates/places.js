"use strict";
// Figures and tables far from the window are laid out after the page is shown, a few at a time; whoever goes to
// a place on it meanwhile has all of it laid out first, since the way there is as long as what lies above.
(() => {
  const AT_ONCE = 20;
  const waiting = [...document.querySelectorAll("figure, .scroll")];
  const idle = window.requestIdleCallback ?? ((next) => setTimeout(next, 20));
  const { classList } = document.body;
  const whole = () => classList.add("whole");

  const further = () => {
    for (const element of waiting.splice(0, AT_ONCE)) element.classList.add("placed");
    if (!waiting.length) whole();
    if (!classList.contains("whole")) idle(further);
  };

  document.addEventListener("click", ({ target }) => {
    if (target.closest('a[href^="#"]')) whole();
  });
  if (location.hash) whole();
  addEventListener("load", () => idle(further));
})();
